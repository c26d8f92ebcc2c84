import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/database/embedded-postgres.js';
import { type Answer, codeIn } from './support/api.js';
import { runCli } from './support/program.js';
import { startService, type TestService } from './support/service.js';
import { until } from './support/until.js';

/**
 * What a request may cost, in counts: they are the same on a slow machine. A limit that is broken is a change to be
 * measured with `npm run bench`, not a number to be raised.
 */

/** Whole rows: without full page images, which depend on when the last checkpoint was. */
const SETTINGS = {
  shared_preload_libraries: 'pg_stat_statements',
  autovacuum: 'off',
  full_page_writes: 'off',
  max_connections: '60',
};
const MANY = 64;
const ALONE = 40;

/** How often a statement was run since `forget`, and what it has written. */
interface Cost {
  readonly calls: number;
  readonly walBytes: number;
  readonly walRecords: number;
}

let postgres: EmbeddedPostgres;
let client: pg.Client;
let dataDir: string;
let api: TestService;
const ends: (() => Promise<void>)[] = [];

/** A service in some roles, on this database; stopped at the end if it still runs. */
function start(roles: string, env: Record<string, string> = {}): Promise<TestService> {
  const database = { url: postgres.adminUrl, onEnd: (end: () => Promise<void>) => void ends.push(end) };
  return startService(database, { ROLES: roles, ...env });
}

async function forget(): Promise<void> {
  await client.query('SELECT pg_stat_statements_reset()');
}

/**
 * Of all statements of the service, or of those that hold a word of their text. Without what it asks by the clock: the time
 * every few seconds, and a notification of the relay at most.
 */
async function costOf(word = ''): Promise<Cost> {
  const { rows } = await client.query<Cost>(
    `SELECT coalesce(sum(calls), 0)::int AS calls, coalesce(sum(wal_bytes), 0)::int AS "walBytes",
       coalesce(sum(wal_records), 0)::int AS "walRecords" FROM pg_stat_statements
     WHERE query NOT LIKE '%pg_stat_%' AND query NOT LIKE 'SET %' AND query NOT LIKE 'SELECT now() AS now%'
       AND query NOT LIKE 'SELECT pg_notify%' AND strpos(query, $1) > 0`,
    [word],
  );
  return rows[0] ?? { calls: 0, walBytes: 0, walRecords: 0 };
}

function creates(count: number): Promise<Answer>[] {
  return Array.from({ length: count }, () => api.api.create());
}

/** References with the codes that were texted for them. */
async function sent(count: number): Promise<{ reference: string; code: string }[]> {
  const { rows } = await client.query<{ reference: string; text: string }>(
    `SELECT a.reference, m.text FROM agreement a JOIN send s USING (reference) JOIN sandbox_message m ON m.reference = a.reference
     WHERE a.status = 'pending' AND s.state = 'sent' LIMIT $1`,
    [count],
  );
  return rows.map(({ reference, text }) => ({ reference, code: codeIn(text) }));
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'agreement-budgets-'));
  const log = (): void => undefined;
  postgres = await startEmbeddedPostgres({ dataDir, durable: false, log, settings: SETTINGS });
  client = new pg.Client(postgres.adminUrl);
  await client.connect();
  await client.query('CREATE EXTENSION pg_stat_statements');
  const { code } = await runCli(['migration:run'], { DATABASE_URL: postgres.adminUrl });
  expect(code).toBe(0);
  api = await start('api', {
    // As in production: every limit is looked at, and none refuses.
    ...{ LIMIT_PHONE: '1000/600,1000/86400', LIMIT_PHONE_ALL: '1000/86400', LIMIT_PREFIX: '1000/3600' },
    ...{ LIMIT_CLIENT: '1000000/60', LIMIT_IP: '1000000/60' },
  });
  // On connections that are there already, what is sent at once arrives at once.
  await Promise.all(creates(MANY));
});

afterAll(async () => {
  await Promise.all(ends.map((end) => end()));
  await client.end();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('what a create costs', () => {
  it('alone: one statement, and so much of the log of PostgreSQL', async () => {
    await forget();
    for (let made = 0; made < ALONE; made += 1) await api.api.create();

    const { calls, walBytes } = await costOf('INSERT INTO agreement');
    expect(calls).toBe(ALONE);
    expect((await costOf()).calls).toBe(ALONE);
    expect(walBytes / ALONE).toBeLessThan(2_200);
  });

  it('with an Idempotency-Key and a limit of its client: no more of either', async () => {
    await forget();
    for (let made = 0; made < ALONE; made += 1) await api.api.with({ 'idempotency-key': `alone-${made}` }).create();

    const { calls, walBytes } = await costOf('INSERT INTO agreement');
    expect((await costOf()).calls).toBe(calls);
    expect(calls).toBe(ALONE);
    expect(walBytes / ALONE).toBeLessThan(3_400);
  });

  it('among many: a fraction of a statement', async () => {
    await forget();
    const answers = await Promise.all(creates(MANY));

    expect(answers.map(({ status }) => status)).toEqual(new Array(MANY).fill(201));
    expect((await costOf('INSERT INTO agreement')).calls).toBeLessThanOrEqual(MANY / 4);
  });
});

describe('what a code costs that is sent', () => {
  it('among many: a fraction of each statement', async () => {
    await forget();
    const worker = await start('relay,worker', { SMS_CONCURRENCY: String(2 * MANY) });
    await until('every code is sent', async () => {
      const { rows } = await client.query(`SELECT FROM agreement a WHERE NOT EXISTS (
        SELECT FROM send s WHERE s.reference = a.reference AND s.state = 'sent')`);
      return rows.length === 0;
    });
    await worker.stop();

    for (const word of ['INSERT INTO send (', 'UPDATE agreement', 'UPDATE send_try']) {
      expect({ word, few: (await costOf(word)).calls <= MANY }).toEqual({ word, few: true });
    }
  });
});

describe('what a confirmation costs', () => {
  it('alone: two statements, and a row that changes without touching its indexes', async () => {
    const ready = await sent(ALONE);
    await client.query('VACUUM agreement');
    await forget();
    for (const { reference, code } of ready) expect((await api.api.confirm(reference, code)).status).toBe(200);

    const { calls, walBytes, walRecords } = await costOf('UPDATE agreement');
    expect((await costOf()).calls).toBe(2 * ALONE);
    expect(calls).toBe(ALONE);
    expect(walBytes / ALONE).toBeLessThan(1_350);
    // The row, history and outbox with an index each, now and then a page that is tidied up. An entry in each index of the
    // agreement would be four more.
    expect(walRecords / ALONE).toBeLessThan(7);
  });

  it('among many: a fraction of each', async () => {
    const ready = await sent(MANY);
    expect(ready).toHaveLength(MANY);
    await Promise.all(ready.map(({ reference }) => api.api.get(`/v1/agreement/${reference}`)));
    await forget();
    const answers = await Promise.all(ready.map(({ reference, code }) => api.api.confirm(reference, code)));

    expect(answers.map(({ status }) => status)).toEqual(new Array(MANY).fill(200));
    expect((await costOf('UPDATE agreement')).calls).toBeLessThanOrEqual(MANY / 4);
    expect((await costOf()).calls).toBeLessThanOrEqual(MANY / 2);
  });
});
