import type { MigrationInterface, QueryRunner } from 'typeorm';

const DUE_BY_PROVIDER = 'send_due_by_provider';

/** What is due of each provider; `send_due`, over all of them, is what the release before claims by. */
export class SendByProvider1798243300000 implements MigrationInterface {
  /** CREATE INDEX CONCURRENTLY refuses to run in one. So each step here may be repeated after an interruption. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    const [found] = (await runner.query(`SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)`, [
      DUE_BY_PROVIDER,
    ])) as { valid: boolean }[];
    // What an interrupted run has left behind is kept up to date by every write, but never used.
    if (found?.valid === false) await runner.query(`DROP INDEX CONCURRENTLY ${DUE_BY_PROVIDER}`);
    if (!found?.valid) {
      await runner.query(`
        CREATE INDEX CONCURRENTLY ${DUE_BY_PROVIDER} ON send (coalesce(provider, ''), next_attempt_at)
        WHERE state = 'queued'`);
    }
  }

  /** Runs in a transaction, whatever `transaction` says. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL lock_timeout = '5s'`);
    await runner.query(`DROP INDEX IF EXISTS ${DUE_BY_PROVIDER}`);
  }
}
