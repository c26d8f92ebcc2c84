import type { Statement } from '../database/index.js';

/**
 * The answers that are kept under the keys of callers, 24 hours each (the contract). An answer is written by the very
 * statement that has its effect: no crash leaves one without the other, and of two replicas one is first.
 */
const LIFE = `interval '24 hours'`;

/**
 * Takes keys, each with the answer that is to be given again; those that were free come back. A key that another
 * transaction is just taking is waited for, to its commit. One that is past its time is free again.
 * @param rows a SELECT or VALUES of the columns below; of several the same order everywhere, or two batches deadlock
 */
export function takingKeys(rows: string): string {
  return `
      INSERT INTO idempotency_key (client, key, fingerprint, fingerprint_key_id, status, answer)
      ${rows}
      ON CONFLICT (client, key) DO UPDATE SET
        fingerprint = excluded.fingerprint, fingerprint_key_id = excluded.fingerprint_key_id,
        status = excluded.status, answer = excluded.answer, created_at = excluded.created_at
      WHERE idempotency_key.created_at < now() - ${LIFE}
      RETURNING client, key`;
}

/** What a statement tells of a key, which may be nobody's yet. */
export interface KeptRow {
  kept_fingerprint: Buffer | null;
  kept_key_id: string | null;
  kept_status: number | null;
  kept_answer: string | null;
}

/** The columns of a KeptRow. */
export const KEPT = `
      k.fingerprint AS kept_fingerprint, k.fingerprint_key_id AS kept_key_id,
      k.status AS kept_status, k.answer AS kept_answer`;

/** What is kept under the key of a client, to be joined. @param client the parameter, `$1`; `key` likewise */
function keptUnder(client: string, key: string): string {
  return `idempotency_key k ON k.client = ${client} AND k.key = ${key} AND k.created_at >= now() - ${LIFE}`;
}

/**
 * The same for many: columns instead of parameters. Looked up one by one, whatever a plan that was made while the table was
 * new takes for quicker: it would read all keys of a day.
 */
export function keptUnderEach(client: string, key: string): string {
  return `LATERAL (
      SELECT * FROM idempotency_key WHERE client = ${client} AND key = ${key} LIMIT 1
    ) k ON k.created_at >= now() - ${LIFE}`;
}

export const FIND_KEPT: Statement = {
  name: 'idempotency_find',
  text: `SELECT ${KEPT} FROM (VALUES (1)) AS one LEFT JOIN ${keptUnder('$1', '$2')}`,
};

/** For an answer that changes nothing. */
export const KEEP: Statement = {
  name: 'idempotency_keep',
  text: takingKeys('VALUES ($1, $2, $3, $4, $5, $6)'),
};

/** A few at a time, the oldest first; what another process is at, or what is taken anew meanwhile, is passed over. */
export const FORGET: Statement = {
  name: 'idempotency_forget',
  text: `
    DELETE FROM idempotency_key WHERE (client, key) IN (
      SELECT client, key FROM idempotency_key WHERE created_at < now() - ${LIFE}
      ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED
    ) RETURNING 1 AS gone`,
};
