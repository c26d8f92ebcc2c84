import { readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { freshPhone } from './support/api.js';
import { type TestDatabase, useDatabase } from './support/database.js';
import { useProcesses } from './support/process.js';
import { copyProject, runCli, runNpm } from './support/program.js';
import { startService, testEnvironment } from './support/service.js';
import { until } from './support/until.js';

const TABLES = [
  ...['agreement', 'delivery_receipt', 'history', 'idempotency_key', 'key_fingerprint', 'limit_entry', 'limit_hold'],
  ...['outbox', 'sandbox_message', 'sandbox_switch', 'send', 'send_try', 'sweep'],
];

const MIGRATIONS = readdirSync(new URL('../migrations', import.meta.url));

/** One after the other, the newest first. */
async function revertAll(env: Readonly<Record<string, string>>): Promise<void> {
  for (const _ of MIGRATIONS) expect(await runCli(['migration:revert'], env)).toMatchObject({ code: 0 });
}

async function tablesOf(database: TestDatabase): Promise<unknown[]> {
  const rows = await database.query(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migration' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

describe('the migrations', () => {
  const empty = useDatabase({ migrated: false });
  const filled = useDatabase();
  const shared = useDatabase({ migrated: false });
  const byNpm = useDatabase({ migrated: false });
  const processes = useProcesses(shared);
  let project: string;
  beforeAll(async () => {
    project = await copyProject(await processes.folder());
  });

  it('go up, down and up again on an empty database', async () => {
    const env = { DATABASE_URL: empty.url };
    expect(await runCli(['migration:run'], env)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Applied: /),
    });
    expect(await tablesOf(empty)).toEqual(TABLES);
    expect(await runCli(['migration:run'], env)).toMatchObject({ code: 0, stdout: 'The schema is up to date.\n' });

    await revertAll(env);
    expect(await tablesOf(empty)).toEqual([]);
    const functions = `SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace`;
    expect(await empty.query(functions)).toEqual([]);

    expect(await runCli(['migration:run'], env)).toMatchObject({ code: 0 });
    expect(await tablesOf(empty)).toEqual(TABLES);
  });

  it('go down and up again on a database that is in use, and the service works on it', async () => {
    const env = { DATABASE_URL: filled.url };
    const before = await startService(filled);
    const phone = freshPhone();
    const { body } = await before.api.create({ phone });
    await before.api.confirm(body['reference'], await before.api.codeSentTo(phone));
    await before.stop();

    await revertAll(env);
    expect(await tablesOf(filled)).toEqual([]);
    expect(await runCli(['migration:run'], env)).toMatchObject({ code: 0 });
    expect((await (await startService(filled)).api.create()).status).toBe(201);
  });

  it('are run by one of two that begin at once, and both end well', async () => {
    const env = { DATABASE_URL: shared.url };
    await runCli(['migration:run'], env);
    await runCli(['migration:revert'], env);
    // Nobody can write down a migration before both are in the middle of theirs.
    // By a session of its own: an index that is made concurrently waits for every transaction that looks at something.
    const holder = new pg.Client(shared.url);
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('LOCK TABLE migration IN EXCLUSIVE MODE');
    const running = [runCli(['migration:run'], env), runCli(['migration:run'], env)];
    const asking = async () => {
      const asks = `datname = current_database() AND query LIKE 'SELECT pg_try_advisory_lock%'`;
      return (await shared.query(`SELECT FROM pg_stat_activity WHERE ${asks}`)).length;
    };
    await until('one is held up, and the other asks for its turn', async () => {
      return (await shared.waiting()) === 1 && (await asking()) === 2;
    });
    await holder.query('COMMIT');
    await holder.end();
    const both = await Promise.all(running);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.map(({ stdout }) => stdout.replace(/:.*/s, '')).sort()).toEqual([
      'Applied',
      'The schema is up to date.\n',
    ]);
    expect(await tablesOf(shared)).toEqual(TABLES);
  });

  it('are run by services that start together', async () => {
    await runCli(['migration:revert'], { DATABASE_URL: shared.url });
    const env = testEnvironment(shared, { MIGRATE: 'true' });
    const services = await Promise.all([processes.start(env), processes.start(env)]);
    await Promise.all(services.map((service) => service.ready()));
    expect(await tablesOf(shared)).toEqual(TABLES);
    await Promise.all(services.map((service) => service.stop()));
  });

  it('that are missing stop a service that may not run them', async () => {
    await runCli(['migration:revert'], { DATABASE_URL: shared.url });
    const service = await processes.start(testEnvironment(shared, { MIGRATE: 'false' }));
    expect((await service.end()).code).toBe(1);
    expect(service.stderr).toContain('npm run migration:run');
  });

  it('go up and down by npm', async () => {
    const env = { DATABASE_URL: byNpm.url };
    expect(await runNpm(project, ['run', 'migration:run'], env)).toMatchObject({ code: 0 });
    expect(await tablesOf(byNpm)).toEqual(TABLES);
    expect(await runNpm(project, ['run', 'migration:revert'], env)).toMatchObject({ code: 0 });
    const [row] = await byNpm.query<{ count: number }>('SELECT count(*)::integer AS count FROM migration');
    expect(row?.count).toBe(MIGRATIONS.length - 1);
  }, 60_000);

  it('leave nothing to generate: the schema is what the entities say', async () => {
    const env = { DATABASE_URL: filled.url };
    const { stdout, stderr } = await runNpm(project, ['run', 'migration:generate', '--', 'migrations/difference'], env);
    expect(stdout + stderr).toContain('No changes in database schema were found');
    expect((await readdir(join(project, 'migrations'))).filter((name) => name.includes('difference'))).toEqual([]);
  });

  it('make a history that can only grow', async () => {
    await filled.query(
      `INSERT INTO history (reference, at, kind, detail) VALUES (gen_random_uuid(), now(), 'x', '{}')`,
    );
    for (const change of ['UPDATE history SET kind = kind', 'DELETE FROM history', 'TRUNCATE history']) {
      await expect(filled.query(change)).rejects.toThrow('history is append-only');
    }
  });
});

describe('the command line', () => {
  it('names its commands where it does not know one', async () => {
    const { code, stderr } = await runCli(['migration:rum'], {});
    expect(code).toBe(2);
    expect(stderr).toMatch(/'migration:rum'.*migration:run, migration:revert, outbox, .*dlq/);
  });

  it('says in a line that there is no database', async () => {
    const ended = await runCli(['migration:run'], { DATABASE_URL: 'postgresql://somebody:hunter2@127.0.0.1:1/x' });
    expect(ended).toMatchObject({ code: 3, stdout: '' });
    expect(ended.stderr).toBe('PostgreSQL cannot be reached: connect ECONNREFUSED 127.0.0.1:1\n');
  });

  it('says in a line what is missing', async () => {
    const { code, stderr } = await runCli(['migration:run'], {});
    expect(code).toBe(1);
    expect(stderr).toContain('DATABASE_URL: must name the database to migrate');
    expect(stderr).not.toContain(' at ');
  });
});
