import type { Statement } from '../database/index.js';

/**
 * The statements of the write path. Each is one round trip and one commit: the row, its history and its events stand or
 * fall together. Lists travel as arrays (`unnest`), so that the text, and with it the prepared plan, is always the same.
 */

/**
 * New rows, each with its first history entry and event; gives the database's time back. What arrives together goes in
 * one statement: on two cores 10–11 k rows/s one by one, more than twice that in batches, and one commit for all. The
 * transaction has its id before its events have their numbers: the relay's floor relies on that order.
 */
export const ADD: Statement = {
  name: 'agreement_add',
  text: `
    WITH given AS MATERIALIZED (
      SELECT *, pg_current_xact_id() AS transaction FROM json_to_recordset($1::json) AS g (
        reference uuid, client text, id_hash text, channel text, contact text, contact_hash bytea, contact_key_id text,
        country text, document_id text, document_version text, document_sha256 text, locale text, metadata jsonb,
        subject_ip text, subject_user_agent text, subject_shown_at timestamptz, test boolean, created_at timestamptz,
        expires_at timestamptz, kind text, detail jsonb, event_id uuid, type text, payload jsonb, traceparent text
      )
    ), added AS (
      INSERT INTO agreement (
        reference, client, id_hash, channel, contact, contact_hash, contact_key_id, country,
        document_id, document_version, document_sha256, locale, metadata,
        subject_ip, subject_user_agent, subject_shown_at, test,
        status, version, sequence, generation, requested_at, failures, created_at, expires_at
      )
      SELECT reference, client, id_hash, channel, contact, contact_hash, contact_key_id, country,
        document_id, document_version, document_sha256, locale, metadata,
        subject_ip, subject_user_agent, subject_shown_at, test,
        'pending', 1, 1, 1, created_at, 0, created_at, expires_at
      FROM given
    ), noted AS (
      INSERT INTO history (reference, at, kind, detail) SELECT reference, created_at, kind, detail FROM given
    ), raised AS (
      INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at, traceparent)
      SELECT event_id, 'agreement', reference::text, type, payload, client, test, 1, created_at, traceparent FROM given
    )
    SELECT now() AS now`,
};

/** The row with the state of its newest send and the database's time. $2 null: whoever owns it. */
export const LOAD: Statement = {
  name: 'agreement_load',
  text: `
    SELECT a.*, s.state AS send_state, s.reason AS send_reason, now() AS now
    FROM agreement a
    LEFT JOIN send s ON s.reference = a.reference AND s.generation = a.generation
    WHERE a.reference = $1 AND ($2::text IS NULL OR a.client = $2)`,
};

/**
 * Everything that can change, on the version that was loaded; no row comes back where another save was first.
 * `sequence` is counted in the row itself, not from what was loaded: sends count it up too, without the version.
 * No indexed column is set, so that the update is a HOT one.
 */
export const SAVE: Statement = {
  name: 'agreement_save',
  text: `
    WITH saved AS (
      UPDATE agreement SET
        version = version + 1, sequence = sequence + cardinality($16::uuid[]),
        status = $3, generation = $4, requested_at = $5, failures = $6,
        code_generation = $7, code_key_id = $8, code_nonce = $9, code_hash = $10,
        code_issued_at = $11, code_expires_at = $12, code_failures = $13,
        confirmed_at = $14, closed_at = $15, close_reason = $22
      WHERE reference = $1 AND version = $2
      RETURNING reference, client, test, sequence
    ), noted AS (
      INSERT INTO history (reference, at, kind, detail)
      SELECT s.reference, $21::timestamptz, h.kind, h.detail::jsonb
      FROM saved s, unnest($19::text[], $20::text[]) WITH ORDINALITY AS h (kind, detail, n)
      ORDER BY h.n
    ), raised AS (
      INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at, traceparent)
      SELECT e.id, 'agreement', s.reference::text, e.type, e.payload::jsonb, s.client, s.test,
        s.sequence - cardinality($16::uuid[]) + e.n, $21::timestamptz, $23
      FROM saved s, unnest($16::uuid[], $17::text[], $18::text[]) WITH ORDINALITY AS e (id, type, payload, n)
      ORDER BY e.n
    )
    SELECT sequence FROM saved`,
};
