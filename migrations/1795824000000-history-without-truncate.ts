import type { MigrationInterface, QueryRunner } from 'typeorm';

/** TRUNCATE passed by the trigger that keeps the history: it knows no rows. */
export class HistoryWithoutTruncate1795824000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await giveUpSoon(runner);
    await runner.query(`
      CREATE TRIGGER history_not_truncated BEFORE TRUNCATE ON history
      FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only()`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await giveUpSoon(runner);
    await runner.query(`DROP TRIGGER history_not_truncated ON history`);
  }
}

/** Whoever waits for a table's lock holds up all who come after: better to fail, and to be run again. */
async function giveUpSoon(runner: QueryRunner): Promise<void> {
  await runner.query(`SET LOCAL lock_timeout = '5s'`);
}
