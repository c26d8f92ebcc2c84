import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was answered under the keys of callers, for 24 hours. A release that does not know the table leaves it alone. */
export class IdempotencyKey1796428800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE idempotency_key (
        client text NOT NULL,
        key text NOT NULL,
        fingerprint bytea NOT NULL,
        fingerprint_key_id text NOT NULL,
        status integer NOT NULL,
        answer text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT idempotency_key_pkey PRIMARY KEY (client, key)
      )`);
    await runner.query(`CREATE INDEX idempotency_key_created_at ON idempotency_key (created_at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE idempotency_key`);
  }
}
