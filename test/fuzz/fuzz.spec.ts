import { randomInt } from 'node:crypto';
import { beforeAll, beforeEach, expect, it } from '@jest/globals';
import { useDatabase } from '../support/database.js';
import { useProcesses } from '../support/process.js';
import { until } from '../support/until.js';
import { agreementsOf, describeWithSchemathesis, type FuzzedService, startFuzzed } from './fuzzed-service.js';
import { fuzz, type Verdict } from './schemathesis.js';

/** The second one is another in each run; FUZZ_SEED takes a run up again. */
const SEEDS = [1, Number(process.env['FUZZ_SEED'] ?? randomInt(2, 2 ** 31))];
const MAX_EXAMPLES = 12;
/** The values at the edges of each schema do not depend on the seed. */
const phasesOf = (seed: number) => (seed === SEEDS[0] ? 'examples,coverage,fuzzing,stateful' : 'fuzzing,stateful');
const WITHIN = 300_000;

describeWithSchemathesis('the service, fuzzed from the document that it serves', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let service: FuzzedService;
  let operations: number;
  let started: number;

  const agreements = () => database.query('SELECT * FROM agreement ORDER BY reference');
  const expectNothingFound = (verdict: Verdict, called = operations) => {
    expect(verdict).toMatchObject({ exitCode: 0, operations: called });
    const errors = service.process.log.slice(started).filter(({ status }) => Number(status) >= 500);
    expect(errors).toEqual([]);
    expect(service.process.isRunning).toBe(true);
  };

  beforeAll(async () => {
    service = await startFuzzed(processes, database);
    started = service.process.log.length;
    const { body } = await service.api.get('/docs-json');
    operations = Object.values<object>(body['paths']).flatMap((methods) => Object.keys(methods)).length;
  }, 60_000);

  // Whoever calls everything has also switched the provider off and on.
  beforeEach(async () => {
    await service.api.request('PUT', '/sandbox/switches', { undelivered: false, slow: false, down: false });
    const queued = () => database.query(`SELECT FROM send WHERE state = 'queued'`);
    await until('every text has gone out', async () => (await queued()).length === 0, 30_000);
  }, 60_000);

  it.each(SEEDS)(
    'answers everything as documented, and only to those who have a key (FUZZ_SEED=%d)',
    async (seed) => {
      const references = await agreementsOf(service.api);
      const { length: before } = await agreements();

      const verdict = await fuzz({ ...service, seed, maxExamples: MAX_EXAMPLES, references, phases: phasesOf(seed) });

      expectNothingFound(verdict);
      expect(verdict.cases).toBeGreaterThan(100);
      const { length: after } = await agreements();
      // What a seed comes to is chance; without any it would not have come past the checks of the input.
      expect(after).toBeGreaterThan(before);
    },
    WITHIN,
  );

  it.each(SEEDS)(
    'gives nothing to somebody without a key, and does nothing for them (FUZZ_SEED=%d)',
    async (seed) => {
      const references = await agreementsOf(service.api);
      const before = await agreements();

      const { url } = service;
      expectNothingFound(await fuzz({ url, seed, maxExamples: MAX_EXAMPLES, references, phases: 'coverage,fuzzing' }));
      expect(await agreements()).toEqual(before);
    },
    WITHIN,
  );

  it.each(SEEDS)(
    'takes no attempt for an invalid body (FUZZ_SEED=%d)',
    async (seed) => {
      const { reference } = await service.api.createAndAwaitCode();
      const before = await agreements();

      const verdict = await fuzz({
        ...service,
        seed,
        maxExamples: 100,
        references: [reference],
        only: 'invalid bodies',
      });
      expectNothingFound(verdict, 1);
      expect(verdict.cases).toBeGreaterThan(100);
      expect(await agreements()).toEqual(before);
    },
    WITHIN,
  );
});
