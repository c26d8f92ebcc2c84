import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The whole schema of the service. There are no foreign keys: each would take a lock on the agreement's row at every
 * insert beside it, and nothing ever deletes an agreement.
 */
export class Agreement1795219200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // fillfactor leaves room in the page for HOT updates: a confirmation then touches no index.
    await runner.query(`
      CREATE TABLE agreement (
        reference uuid NOT NULL,
        client text NOT NULL,
        id_hash text NOT NULL,
        channel text NOT NULL,
        contact text,
        contact_hash bytea NOT NULL,
        contact_key_id text NOT NULL,
        country text,
        document_id text NOT NULL,
        document_version text NOT NULL,
        document_sha256 text NOT NULL,
        locale text NOT NULL,
        metadata jsonb NOT NULL,
        subject_ip text,
        subject_user_agent text,
        subject_shown_at timestamptz,
        test boolean NOT NULL,
        status text NOT NULL,
        version integer NOT NULL,
        sequence integer NOT NULL,
        generation integer NOT NULL,
        requested_at timestamptz NOT NULL,
        failures integer NOT NULL,
        code_generation integer,
        code_key_id text,
        code_nonce bytea,
        code_hash bytea,
        code_issued_at timestamptz,
        code_expires_at timestamptz,
        code_failures integer,
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        confirmed_at timestamptz,
        closed_at timestamptz,
        close_reason text,
        CONSTRAINT agreement_pkey PRIMARY KEY (reference),
        CONSTRAINT agreement_status_check
          CHECK (status IN ('pending', 'confirmed', 'rejected', 'expired', 'cancelled', 'withdrawn')),
        CONSTRAINT agreement_code_check CHECK (status = 'pending' OR code_nonce IS NULL)
      ) WITH (fillfactor = 85)`);
    // The reference is a UUIDv7 of the creation time: newest first needs no further column.
    await runner.query(`CREATE INDEX agreement_client ON agreement (client, reference)`);
    await runner.query(`CREATE INDEX agreement_id_hash ON agreement (client, id_hash, reference)`);
    // Not partial on the status: that would make every confirmation a non-HOT update.
    await runner.query(`CREATE INDEX agreement_expires_at ON agreement (expires_at)`);

    await runner.query(`
      CREATE TABLE history (
        reference uuid NOT NULL,
        seq bigint GENERATED ALWAYS AS IDENTITY,
        at timestamptz NOT NULL,
        kind text NOT NULL,
        detail jsonb NOT NULL,
        CONSTRAINT history_pkey PRIMARY KEY (reference, seq)
      )`);
    await runner.query(`
      CREATE FUNCTION history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'history is append-only'; END $$`);
    await runner.query(`
      CREATE TRIGGER history_append_only BEFORE UPDATE OR DELETE ON history
      FOR EACH ROW EXECUTE FUNCTION history_is_append_only()`);

    // id, aggregatetype, aggregateid, type, payload: the names that Debezium's outbox event router reads by default.
    await runner.query(`
      CREATE TABLE outbox (
        seq bigint GENERATED ALWAYS AS IDENTITY (CACHE 1),
        id uuid NOT NULL,
        aggregatetype text NOT NULL,
        aggregateid text NOT NULL,
        type text NOT NULL,
        payload jsonb NOT NULL,
        client text NOT NULL,
        test boolean NOT NULL,
        sequence integer NOT NULL,
        occurred_at timestamptz NOT NULL,
        traceparent text,
        parked_at timestamptz,
        error text,
        CONSTRAINT outbox_pkey PRIMARY KEY (seq)
      )`);

    await runner.query(`
      CREATE TABLE send (
        reference uuid NOT NULL,
        generation integer NOT NULL,
        id uuid NOT NULL,
        state text NOT NULL DEFAULT 'queued',
        reason text,
        try integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL DEFAULT now(),
        provider text,
        provider_message_id text,
        traceparent text,
        created_at timestamptz NOT NULL DEFAULT now(),
        sent_at timestamptz,
        closed_at timestamptz,
        CONSTRAINT send_pkey PRIMARY KEY (reference, generation),
        CONSTRAINT send_state_check CHECK (state IN ('queued', 'sent', 'delivered', 'undelivered', 'failed'))
      ) WITH (fillfactor = 85)`);
    await runner.query(`CREATE INDEX send_due ON send (next_attempt_at) WHERE state = 'queued'`);
    await runner.query(`
      CREATE TABLE send_try (
        reference uuid NOT NULL,
        generation integer NOT NULL,
        try integer NOT NULL,
        provider text,
        started_at timestamptz NOT NULL DEFAULT now(),
        finished_at timestamptz,
        outcome text,
        reason text,
        provider_message_id text,
        CONSTRAINT send_try_pkey PRIMARY KEY (reference, generation, try)
      )`);

    await runner.query(`
      CREATE TABLE sandbox_message (
        id uuid NOT NULL,
        reference uuid NOT NULL,
        phone text NOT NULL,
        text text NOT NULL,
        sent_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT sandbox_message_pkey PRIMARY KEY (id)
      )`);
    await runner.query(`CREATE INDEX sandbox_message_phone ON sandbox_message (phone, sent_at)`);

    await runner.query(`
      CREATE TABLE key_fingerprint (
        purpose text NOT NULL,
        id text NOT NULL,
        fingerprint bytea NOT NULL,
        first_seen_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT key_fingerprint_pkey PRIMARY KEY (purpose, id)
      )`);

    await runner.query(`
      CREATE TABLE sweep (
        name text NOT NULL,
        watermark timestamptz NOT NULL,
        CONSTRAINT sweep_pkey PRIMARY KEY (name)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['sweep', 'key_fingerprint', 'sandbox_message', 'send_try', 'send', 'outbox', 'history']) {
      await runner.query(`DROP TABLE ${table}`);
    }
    await runner.query(`DROP FUNCTION history_is_append_only`);
    await runner.query(`DROP TABLE agreement`);
  }
}
