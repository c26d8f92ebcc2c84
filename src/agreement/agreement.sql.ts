import type { Statement } from '../database/index.js';
import { concerned, judged, JUDGEMENT } from '../limits/index.js';
import { KEPT, keptUnderEach, takingKeys } from './idempotency.sql.js';

/**
 * The statements of the write path. Each is one round trip and one commit: the row, its history and its events stand or
 * fall together. Lists travel as arrays (`unnest`), so that the text, and with it the prepared plan, is always the same.
 */

/** What ADD reads of the JSON. */
const NEW_COLUMNS = `
        reference uuid, client text, id_hash text, channel text, contact text, contact_hash bytea, contact_key_id text,
        country text, document_id text, document_version text, document_sha256 text, locale text, metadata jsonb,
        subject_ip text, subject_user_agent text, subject_shown_at timestamptz, test boolean, created_at timestamptz,
        expires_at timestamptz, kind text, detail jsonb, event_id uuid, type text, payload jsonb, traceparent text,
        contact_keys bigint[], prefix_keys bigint[], limit_country text, address_keys bigint[]`;

/** Writes what is in `given`. */
const ADD_GIVEN = `
    added AS (
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
    ), counted AS (
      INSERT INTO limit_entry (reference, generation, client, contact, prefix, country, address, at, taken)
      SELECT reference, 1, client, contact_keys[1], prefix_keys[1], limit_country, address_keys[1], now(), false FROM given
    )`;

const KEY_COLUMNS = `,
        key text, fingerprint bytea, fingerprint_key_id text, answer_status integer, answer text`;

const asked = (more = ''): string => `
    asked AS MATERIALIZED (
      SELECT *, ordinality::integer - 1 AS n, pg_current_xact_id() AS transaction
      FROM ROWS FROM (json_to_recordset($1::json) AS (${NEW_COLUMNS}${more})) WITH ORDINALITY
    )`;

/** @param rows a SELECT of what may be written, where its key is free */
const whereFree = (rows: string): string => `
    free AS MATERIALIZED (${rows}), kept AS (${takingKeys(`
      SELECT client, key, fingerprint, fingerprint_key_id, answer_status, answer FROM free
      WHERE key IS NOT NULL ORDER BY client, key`)}
    ), given AS MATERIALIZED (
      SELECT f.* FROM free f LEFT JOIN kept k ON k.client = f.client AND k.key = f.key
      WHERE f.key IS NULL OR k.key IS NOT NULL
    )`;

const UNCONCERNED = `SELECT g.* FROM asked g WHERE NOT ${concerned(2)}`;
const LET_THROUGH = `SELECT a.* FROM asked a LEFT JOIN verdict v USING (n) WHERE v.n IS NULL`;
const FARED = `SELECT a.n, w.n IS NOT NULL AS added, ${JUDGEMENT}, now() AS now
    FROM asked a LEFT JOIN verdict v USING (n) LEFT JOIN shares s USING (n) LEFT JOIN given w USING (n)`;

/**
 * New rows, each with its first history entry and event, but those that a limit of sending is concerned with. What arrives
 * together goes in one statement: on two cores 10–11 k rows/s one by one, more than twice that in batches, and one commit
 * for all. The transaction has its id before its events have their numbers: the relay's floor relies on that order. The
 * numbers of what was written come back, in one row.
 */
export const ADD: Statement = {
  name: 'agreement_add',
  text: `
    WITH ${asked()}, given AS MATERIALIZED (${UNCONCERNED}), ${ADD_GIVEN}
    SELECT array_agg(n) AS written, now() AS now FROM given`,
};

/** Those that a limit is concerned with, unless it stands against them: then nothing is written. A row back for each. */
export const ADD_JUDGED: Statement = {
  name: 'agreement_add_judged',
  text: `
    WITH ${asked()}, ${judged('asked', '$2')}, given AS MATERIALIZED (${LET_THROUGH}), ${ADD_GIVEN}
    ${FARED}`,
};

/**
 * ADD where some of the rows come with an Idempotency-Key: only those are written whose key was free, each with its answer.
 * Keys are taken in order, so that two batches with the same ones wait for each other instead of for ever.
 */
export const ADD_KEPT: Statement = {
  name: 'agreement_add_kept',
  text: `
    WITH ${asked(KEY_COLUMNS)}, ${whereFree(UNCONCERNED)}, ${ADD_GIVEN}
    SELECT array_agg(n) AS written, now() AS now FROM given`,
};

/** ADD_JUDGED likewise. */
export const ADD_KEPT_JUDGED: Statement = {
  name: 'agreement_add_kept_judged',
  text: `
    WITH ${asked(KEY_COLUMNS)}, ${judged('asked', '$2')}, ${whereFree(LET_THROUGH)}, ${ADD_GIVEN}
    ${FARED}`,
};

/** What the history says of the newest code; of use where its send has been purged. */
const ONCE_SENT = `
  FROM history h WHERE h.reference = a.reference AND h.kind IN ('code_sent', 'code_delivered', 'code_undelivered')
    AND h.detail ->> 'generation' = CAST(a.generation AS text) ORDER BY h.seq DESC LIMIT 1`;

/** A receipt names its state; without one nobody has the text, or a provider took it. */
const ONCE_STATE = `coalesce(h.detail ->> 'receipt', CASE h.kind WHEN 'code_sent' THEN 'sent' ELSE 'failed' END)`;

/** How the newest code of the agreement `a` fares, beside its send `s`: in SQL, for `send_state` and `send_reason`. */
export const SEND_STATE = `coalesce(s.state, (SELECT ${ONCE_STATE} ${ONCE_SENT}))`;
export const SEND_REASON = `CASE WHEN s.state IS NULL THEN (SELECT h.detail ->> 'reason' ${ONCE_SENT}) ELSE s.reason END`;

/** @param columns and @param join what else is asked for */
const load = (columns = '', join = ''): string => `
    SELECT q.n, a.*, ${SEND_STATE} AS send_state, ${SEND_REASON} AS send_reason, now() AS now${columns}
    FROM json_to_recordset($1::json) AS q (n integer, asked uuid, client_asking text, key text)
    LEFT JOIN LATERAL (
      SELECT * FROM agreement WHERE reference = q.asked AND (q.client_asking IS NULL OR client = q.client_asking) LIMIT 1
    ) a ON true
    LEFT JOIN LATERAL (
      SELECT state, reason FROM send WHERE reference = a.reference AND generation = a.generation LIMIT 1
    ) s ON true${join}`;

/**
 * The agreements that are asked for, each with the state of its newest send and the database's time: a row for each, by its
 * number; but for that all null where there is none, or `client_asking` does not own it. As JSON, because the length of an
 * array would be planned for anew each time; looked up one by one, because a plan that was made and kept while the tables were
 * new would read them from end to end.
 */
export const LOAD: Statement = { name: 'agreement_load', text: load() };

/** Likewise, with what is kept under the keys of the clients. */
export const LOAD_KEPT: Statement = {
  name: 'agreement_load_kept',
  text: load(`, ${KEPT}`, `\n    LEFT JOIN ${keptUnderEach('q.client_asking', 'q.key')}`),
};

/** What SAVE reads of the JSON: all that can change of an agreement, what goes with it, and how many events. */
const CHANGED_COLUMNS = `
        n integer, reference uuid, version integer, status text, generation integer, requested_at timestamptz,
        failures integer, code_generation integer, code_key_id text, code_nonce bytea, code_hash bytea,
        code_issued_at timestamptz, code_expires_at timestamptz, code_failures integer, confirmed_at timestamptz,
        closed_at timestamptz, close_reason text, at timestamptz, traceparent text, events integer,
        counted boolean, contact_keys bigint[], prefix_keys bigint[], limit_country text, address_keys bigint[]`;

/**
 * Bound by the references $4 as well, or a plan that was made while the table was new would read all of it.
 * @param given CTEs, of which the last is `given`: what is to be saved, in the order of the references
 */
const save = (given: string): string => `
    WITH ${given}, saved AS (
      UPDATE agreement a SET
        version = a.version + 1, sequence = a.sequence + q.events,
        status = q.status, generation = q.generation, requested_at = q.requested_at, failures = q.failures,
        code_generation = q.code_generation, code_key_id = q.code_key_id,
        code_nonce = q.code_nonce, code_hash = q.code_hash,
        code_issued_at = q.code_issued_at, code_expires_at = q.code_expires_at, code_failures = q.code_failures,
        confirmed_at = q.confirmed_at, closed_at = q.closed_at, close_reason = q.close_reason
      FROM given q WHERE a.reference = ANY ($4::uuid[]) AND a.reference = q.reference AND a.version = q.version
      RETURNING q.n, a.reference, a.generation, a.client, a.test, a.sequence - q.events AS sequence, q.at, q.traceparent,
        q.counted, q.contact_keys, q.prefix_keys, q.limit_country, q.address_keys
    ), noted AS (
      INSERT INTO history (reference, at, kind, detail)
      SELECT s.reference, s.at, h.kind, h.detail
      FROM saved s JOIN json_to_recordset($2::json) AS h (n integer, i integer, kind text, detail jsonb) USING (n)
      ORDER BY n, h.i
    ), raised AS (
      INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at, traceparent)
      SELECT e.id, 'agreement', s.reference::text, e.type, e.payload, s.client, s.test, s.sequence + e.i, s.at, s.traceparent
      FROM saved s JOIN json_to_recordset($3::json) AS e (n integer, i integer, id uuid, type text, payload jsonb) USING (n)
      ORDER BY n, e.i
    ), counted AS (
      INSERT INTO limit_entry (reference, generation, client, contact, prefix, country, address, at, taken)
      SELECT reference, generation, client, contact_keys[1], prefix_keys[1], limit_country, address_keys[1], now(), false
      FROM saved WHERE counted
    )
    SELECT array_agg(n) AS saved FROM saved`;

/**
 * Everything that can change of agreements, each on the version that was loaded; the numbers of those come back that no
 * other save was ahead of. One history entry $2 or more for each, events $3, and for a new generation what the limits of
 * sending count. `sequence` is counted in the row itself, not from what was loaded: sends count it up too, without the
 * version. No indexed column is set, so that the update is a HOT one, and the rows come sorted by their references, so that
 * two batches wait for each other in one order.
 */
export const SAVE: Statement = {
  name: 'agreement_save',
  text: save(`given AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1::json) AS q (${CHANGED_COLUMNS})
    )`),
};

/**
 * SAVE where some come with an Idempotency-Key and its answer, both or neither: the rows are locked on their versions first,
 * so that no key is taken for a change that another save then overtakes; and one is changed only if its key was free.
 */
export const SAVE_KEPT: Statement = {
  name: 'agreement_save_kept',
  text: save(`asked AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1::json) AS q (${CHANGED_COLUMNS}${KEY_COLUMNS})
    ), locked AS MATERIALIZED (
      SELECT q.*, a.client FROM asked q JOIN agreement a
        ON a.reference = ANY ($4::uuid[]) AND a.reference = q.reference AND a.version = q.version
      ORDER BY q.reference FOR UPDATE OF a
    ), kept AS (${takingKeys(`
      SELECT client, key, fingerprint, fingerprint_key_id, answer_status, answer FROM locked
      WHERE key IS NOT NULL ORDER BY client, key`)}
    ), given AS MATERIALIZED (
      SELECT * FROM locked WHERE key IS NULL OR (client, key) IN (SELECT client, key FROM kept) ORDER BY reference
    )`),
};
