import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the limits of sending count, apart from the agreements: only what was asked for lately is in it, so that its
 * random keys stay in few pages however many agreements there are.
 */
export class Limits1797638400000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // One row for each generation of a code. The keys are keyed hashes; null is what no limit counts any more.
    await runner.query(`
      CREATE TABLE limit_entry (
        reference uuid NOT NULL,
        generation integer NOT NULL,
        client text NOT NULL,
        contact bigint,
        prefix bigint,
        country text,
        address bigint,
        at timestamptz NOT NULL,
        taken boolean NOT NULL,
        CONSTRAINT limit_entry_pkey PRIMARY KEY (reference, generation)
      )`);
    await runner.query(`CREATE INDEX limit_entry_contact ON limit_entry (contact, at)`);
    await runner.query(`CREATE INDEX limit_entry_prefix ON limit_entry (prefix, at)`);
    // Written only where LIMIT_COUNTRY, GUARD_COUNTRIES or LIMIT_IP ask for it.
    await runner.query(`CREATE INDEX limit_entry_country ON limit_entry (country, at) WHERE country IS NOT NULL`);
    await runner.query(`CREATE INDEX limit_entry_address ON limit_entry (address, at) WHERE address IS NOT NULL`);
    await runner.query(`
      CREATE TABLE limit_hold (
        kind text NOT NULL,
        key text NOT NULL,
        label text NOT NULL,
        reason text NOT NULL,
        since timestamptz NOT NULL DEFAULT now(),
        until timestamptz NOT NULL,
        sends bigint NOT NULL,
        confirmed bigint NOT NULL,
        CONSTRAINT limit_hold_pkey PRIMARY KEY (kind, key)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE limit_hold`);
    await runner.query(`DROP TABLE limit_entry`);
  }
}
