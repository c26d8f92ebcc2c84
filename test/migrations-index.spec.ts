import { expect, it } from '@jest/globals';
import pg from 'pg';
import { useDatabase } from './support/database.js';
import { insertMany } from './support/many-agreements.js';
import { runCli } from './support/program.js';
import { until } from './support/until.js';

const database = useDatabase();
const env = { DATABASE_URL: database.url };
const MINE = 'Retention1797033600000';

/** Takes migrations back until this one is gone too. */
async function withoutMine(): Promise<void> {
  for (;;) {
    const rows = await database.query('SELECT FROM migration WHERE name = $1', [MINE]);
    if (rows.length === 0) return;
    expect(await runCli(['migration:revert'], env)).toMatchObject({ code: 0 });
  }
}

async function indexes(): Promise<Record<string, unknown>[]> {
  return database.query(
    `SELECT relname AS name, indisvalid AS valid FROM pg_index JOIN pg_class ON oid = indexrelid
     WHERE relname IN ('agreement_closed_at', 'sandbox_message_reference') ORDER BY 1`,
  );
}

const MADE = [
  { name: 'agreement_closed_at', valid: true },
  { name: 'sandbox_message_reference', valid: true },
];

/** How many sessions stand still in a statement that begins so, or ask for the lock of the migrations. */
const sessions = async (text: string) => {
  const [row] = await database.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity
     WHERE datname = current_database() AND query LIKE $1 AND pid <> pg_backend_pid()`,
    [`${text}%`],
  );
  return row?.n ?? 0;
};

it('an index is made on a table full of rows by one of two processes, while others read and write', async () => {
  await insertMany(database, { count: 20_000, status: 'cancelled', closedAt: 'now()' });
  await insertMany(database, { count: 1, status: 'pending', codeEndedAgo: 1 });
  await withoutMine();
  expect(await indexes()).toEqual([]);

  // An open transaction with a write: whoever makes the index waits for it, and nobody waits for whoever makes the index.
  const writer = new pg.Client(database.url);
  await writer.connect();
  await writer.query('BEGIN');
  await writer.query(`UPDATE agreement SET locale = 'en' WHERE status = 'pending'`);
  const running = [runCli(['migration:run'], env), runCli(['migration:run'], env)];
  await until('one makes the index', async () => (await sessions('CREATE INDEX CONCURRENTLY')) === 1, 20_000);
  await until('the other one asks for its turn', async () => (await sessions('SELECT pg_try_advisory_lock')) === 2);
  expect(
    await database.query(`UPDATE agreement SET locale = 'en' WHERE status = 'cancelled' RETURNING 1`),
  ).toHaveLength(20_000);
  await writer.query('COMMIT');
  await writer.end();

  const both = await Promise.all(running);
  expect(both.map(({ code, stderr }) => ({ code, stderr }))).toEqual(both.map(() => ({ code: 0, stderr: '' })));
  expect(both.map(({ stdout }) => stdout.replace(/:.*/s, '')).sort()).toEqual([
    'Applied',
    'The schema is up to date.\n',
  ]);
  expect(await indexes()).toEqual(MADE);
});

it('agreements of the release before keep their codes for a week, in which it may be brought back', async () => {
  const [row] = await database.query<{ days: number }>(
    `SELECT extract(epoch FROM watermark - now())::float8 / 86400 AS days FROM sweep WHERE name = 'codes not before'`,
  );
  expect(row?.days).toBeGreaterThan(6.9);
  expect(row?.days).toBeLessThanOrEqual(7);
});

it('an index that an interrupted run has left behind is made anew', async () => {
  await withoutMine();
  // Unique, it cannot be made: what is left is what an interruption leaves.
  const unique = 'CREATE UNIQUE INDEX CONCURRENTLY agreement_closed_at ON agreement (closed_at)';
  await expect(database.query(unique)).rejects.toThrow('could not create unique index');
  expect(await indexes()).toEqual([{ name: 'agreement_closed_at', valid: false }]);

  expect(await runCli(['migration:run'], env)).toMatchObject({ code: 0 });
  expect(await indexes()).toEqual(MADE);
});

it('an index that is there already, because only the note of it was lost, is kept', async () => {
  const oids = () => database.query(`SELECT 'agreement_closed_at'::regclass::oid AS oid`);
  const before = await oids();
  await database.query('DELETE FROM migration WHERE name = $1', [MINE]);
  expect(await runCli(['migration:run'], env)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(MINE),
  });
  expect(await oids()).toEqual(before);
});

it('what this release has forgotten can be read by the release before once the migration is taken back', async () => {
  await database.query(
    `UPDATE agreement SET code_key_id = NULL, code_nonce = NULL, code_hash = NULL WHERE status = 'pending'`,
  );
  await withoutMine();
  const codes = await database.query(
    `SELECT code_generation, code_issued_at, code_expires_at, code_failures FROM agreement WHERE status = 'pending'`,
  );
  expect(codes).toEqual([{ code_generation: null, code_issued_at: null, code_expires_at: null, code_failures: null }]);
});
