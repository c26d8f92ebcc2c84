import { expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { runCli } from './support/program.js';

const database = useDatabase();

it('a migration gives up rather than hold up everybody behind a table that is in use, and can be run again', async () => {
  const env = { DATABASE_URL: database.url };
  const trigger = `SELECT FROM pg_trigger WHERE tgname = 'history_not_truncated'`;
  while ((await database.query(trigger)).length > 0) {
    expect(await runCli(['migration:revert'], env)).toMatchObject({ code: 0 });
  }
  await database.query('BEGIN');
  await database.query(
    `INSERT INTO history (reference, at, kind, detail) VALUES (gen_random_uuid(), now(), 'x', '{}')`,
  );
  const refused = await runCli(['migration:run'], env);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('lock timeout');
  await database.query('COMMIT');
  expect(await runCli(['migration:run'], env)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Applied: /) });
});
