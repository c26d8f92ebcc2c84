import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What finds the text that a receipt speaks of: by the provider's id, or by ours. Made while everybody goes on writing. */
const INDEXES = {
  send_try_message: 'send_try (provider_message_id, provider) WHERE provider_message_id IS NOT NULL',
  send_id: 'send (id)',
};

/** What providers say later of the texts that they took, and what the sandbox plays. */
export class Delivery1798243200000 implements MigrationInterface {
  /** CREATE INDEX CONCURRENTLY refuses to run in one. So each step here may be repeated after an interruption. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // Whoever waits for a table's lock holds up all who come after: better to fail, and to be run again.
    await runner.query(`SET lock_timeout = '5s'`);
    await runner.query(`
      ALTER TABLE send_try
        ADD COLUMN IF NOT EXISTS receipt text,
        ADD COLUMN IF NOT EXISTS receipt_reason text,
        ADD COLUMN IF NOT EXISTS receipt_at timestamptz`);
    await runner.query(`
      ALTER TABLE sandbox_message
        ADD COLUMN IF NOT EXISTS channel text NOT NULL DEFAULT 'sms',
        ADD COLUMN IF NOT EXISTS subject text,
        ADD COLUMN IF NOT EXISTS html text,
        ADD COLUMN IF NOT EXISTS visible_at timestamptz NOT NULL DEFAULT now()`);
    await runner.query(`RESET lock_timeout`);
    // Those that fit no text of ours yet: their answer has not come, or nobody knows them. Kept for 72 hours.
    await runner.query(`
      CREATE TABLE IF NOT EXISTS delivery_receipt (
        id bigint GENERATED ALWAYS AS IDENTITY,
        provider text NOT NULL,
        message_ids text[] NOT NULL,
        recipients bytea[] NOT NULL,
        state text NOT NULL,
        reason text,
        received_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT delivery_receipt_pkey PRIMARY KEY (id)
      )`);
    await runner.query(
      `CREATE INDEX IF NOT EXISTS delivery_receipt_message ON delivery_receipt USING gin (message_ids)`,
    );
    await runner.query(`CREATE INDEX IF NOT EXISTS delivery_receipt_received_at ON delivery_receipt (received_at)`);
    // One row, which every process of the sandbox reads.
    await runner.query(`
      CREATE TABLE IF NOT EXISTS sandbox_switch (
        single boolean NOT NULL DEFAULT true CHECK (single),
        undelivered boolean NOT NULL DEFAULT false,
        slow boolean NOT NULL DEFAULT false,
        down boolean NOT NULL DEFAULT false,
        CONSTRAINT sandbox_switch_pkey PRIMARY KEY (single)
      )`);
    await runner.query(`INSERT INTO sandbox_switch DEFAULT VALUES ON CONFLICT DO NOTHING`);
    for (const [name, columns] of Object.entries(INDEXES)) {
      const [found] = (await runner.query(
        `SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)`,
        [name],
      )) as { valid: boolean }[];
      // What an interrupted run has left behind is kept up to date by every write, but never used.
      if (found?.valid === false) await runner.query(`DROP INDEX CONCURRENTLY ${name}`);
      if (!found?.valid) await runner.query(`CREATE INDEX CONCURRENTLY ${name} ON ${columns}`);
    }
  }

  /** Runs in a transaction, whatever `transaction` says. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL lock_timeout = '5s'`);
    for (const name of Object.keys(INDEXES)) await runner.query(`DROP INDEX IF EXISTS ${name}`);
    await runner.query(`DROP TABLE sandbox_switch`);
    await runner.query(`DROP TABLE delivery_receipt`);
    await runner.query(`
      ALTER TABLE sandbox_message DROP COLUMN channel, DROP COLUMN subject, DROP COLUMN html, DROP COLUMN visible_at`);
    await runner.query(`ALTER TABLE send_try DROP COLUMN receipt, DROP COLUMN receipt_reason, DROP COLUMN receipt_at`);
  }
}
