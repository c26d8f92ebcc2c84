import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What finds the rows whose time is over. Both are made while everybody goes on writing. */
const INDEXES = {
  // A confirmation leaves closed_at as it is, and so stays a HOT update.
  agreement_closed_at: 'agreement (closed_at, reference) WHERE closed_at IS NOT NULL',
  sandbox_message_reference: 'sandbox_message (reference)',
};

/** Indexes by which contacts and deliveries are purged, so long after their agreement was closed. */
export class Retention1797033600000 implements MigrationInterface {
  /** CREATE INDEX CONCURRENTLY refuses to run in one. So each step here may be repeated after an interruption. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    for (const [name, columns] of Object.entries(INDEXES)) {
      const [found] = (await runner.query(
        `SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)`,
        [name],
      )) as { valid: boolean }[];
      // What an interrupted run has left behind is kept up to date by every write, but never used.
      if (found?.valid === false) await runner.query(`DROP INDEX CONCURRENTLY ${name}`);
      if (!found?.valid) await runner.query(`CREATE INDEX CONCURRENTLY ${name} ON ${columns}`);
    }
    // The release before cannot read a pending agreement whose code has left its row: where there are agreements, they
    // stay as they are for a week, in which an update may still be taken back.
    await runner.query(`
      INSERT INTO sweep (name, watermark) SELECT 'codes not before', now() + interval '7 days'
      WHERE EXISTS (SELECT FROM agreement) ON CONFLICT (name) DO NOTHING`);
  }

  /** Runs in a transaction, whatever `transaction` says. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL lock_timeout = '5s'`);
    for (const name of Object.keys(INDEXES)) await runner.query(`DROP INDEX IF EXISTS ${name}`);
    await runner.query(`DELETE FROM sweep WHERE name IN ('contacts', 'deliveries', 'codes not before')`);
    // As if their code had never been issued: the release before can read that.
    await runner.query(`
      UPDATE agreement SET code_generation = NULL, code_key_id = NULL, code_issued_at = NULL, code_expires_at = NULL,
        code_failures = NULL, version = version + 1
      WHERE status = 'pending' AND code_generation IS NOT NULL AND code_nonce IS NULL`);
  }
}
