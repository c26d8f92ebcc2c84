import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { mutantOf } from '../chaos/mutations.js';
import { useDatabase } from '../support/database.js';
import { useProcesses } from '../support/process.js';
import { describeWithSchemathesis, startFuzzed } from './fuzzed-service.js';
import { DEFECTS, GUESSING } from './mutations.js';
import { fuzz } from './schemathesis.js';

const WITHIN = 200_000;

describeWithSchemathesis('the fuzzer', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  const copies: string[] = [];
  afterAll(() => Promise.all(copies.map((main) => rm(join(dirname(main), '..'), { recursive: true, force: true }))));

  const startMutant = async (...defect: Parameters<typeof mutantOf>) => {
    const main = await mutantOf(...defect);
    copies.push(main);
    return startFuzzed(processes, database, main);
  };

  it.each(Object.entries(DEFECTS))(
    'sees that %s',
    async (_name, { operation, found, ...defect }) => {
      const service = await startMutant(defect);
      const { reference } = await service.api.createAndAwaitCode();
      const phases = 'coverage,fuzzing';

      const verdict = await fuzz({
        ...service,
        seed: 1,
        maxExamples: 20,
        references: [reference],
        only: operation,
        phases,
      });
      expect(verdict).toMatchObject({ exitCode: 1, output: expect.stringMatching(found) });
    },
    WITHIN,
  );

  it(
    'lets the database tell that an invalid body costs an attempt',
    async () => {
      const service = await startMutant(GUESSING);
      const { reference } = await service.api.createAndAwaitCode();

      await fuzz({ ...service, seed: 1, maxExamples: 20, references: [reference], only: 'invalid bodies' });
      const [row] = await database.query('SELECT failures FROM agreement WHERE reference = $1', [reference]);
      expect(row!['failures']).toBeGreaterThan(0);
    },
    WITHIN,
  );
});
