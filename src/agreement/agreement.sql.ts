import type { Statement } from '../database/index.js';
import { concerned, judged, JUDGEMENT } from '../limits/index.js';
import { KEPT, keptUnder, takingKeys } from './idempotency.sql.js';

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
        n integer, contact_keys bigint[], prefix_keys bigint[], limit_country text, address_keys bigint[]`;

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
      SELECT *, pg_current_xact_id() AS transaction FROM json_to_recordset($1::json) AS g (${NEW_COLUMNS}${more})
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

/** The row with the state of its newest send and the database's time. $2 null: whoever owns it. */
export const LOAD: Statement = {
  name: 'agreement_load',
  text: `
    SELECT a.*, ${SEND_STATE} AS send_state, ${SEND_REASON} AS send_reason, now() AS now
    FROM agreement a
    LEFT JOIN send s ON s.reference = a.reference AND s.generation = a.generation
    WHERE a.reference = $1 AND ($2::text IS NULL OR a.client = $2)`,
};

/** One row, with what LOAD gives, if there is such an agreement, and with what is kept under the key $3 of the client $2. */
export const LOAD_KEPT: Statement = {
  name: 'agreement_load_kept',
  text: `
    WITH loaded AS (${LOAD.text})
    SELECT loaded.*, ${KEPT}
    FROM (VALUES (1)) AS one LEFT JOIN loaded ON true LEFT JOIN ${keptUnder('$2', '$3')}`,
};

/**
 * @param first CTEs before the update
 * @param where what else it asks for
 * @param counted the parameter with what the limits of sending count a new generation under
 */
const save = (first: string, where: string, counted?: string): string => `
    WITH ${first}saved AS (
      UPDATE agreement SET
        version = version + 1, sequence = sequence + cardinality($16::uuid[]),
        status = $3, generation = $4, requested_at = $5, failures = $6,
        code_generation = $7, code_key_id = $8, code_nonce = $9, code_hash = $10,
        code_issued_at = $11, code_expires_at = $12, code_failures = $13,
        confirmed_at = $14, closed_at = $15, close_reason = $22
      ${where}
      RETURNING reference, agreement.client, test, sequence
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
    )${counted === undefined ? '' : countedUnder(counted)}
    SELECT sequence FROM saved`;

const countedUnder = (parameter: string): string => `, counted AS (
      INSERT INTO limit_entry (reference, generation, client, contact, prefix, country, address, at, taken)
      SELECT s.reference, $4, s.client, e.contact_keys[1], e.prefix_keys[1], e.limit_country, e.address_keys[1], now(), false
      FROM saved s, json_to_record(${parameter}::json) AS e (
        contact_keys bigint[], prefix_keys bigint[], limit_country text, address_keys bigint[]
      )
    )`;

/**
 * Everything that can change, on the version that was loaded; no row comes back where another save was first.
 * `sequence` is counted in the row itself, not from what was loaded: sends count it up too, without the version.
 * No indexed column is set, so that the update is a HOT one.
 */
export const SAVE: Statement = {
  name: 'agreement_save',
  text: save('', 'WHERE reference = $1 AND version = $2'),
};

/** Likewise, with a new generation that the limits of sending count. */
export const SAVE_COUNTED: Statement = {
  name: 'agreement_save_counted',
  text: save('', 'WHERE reference = $1 AND version = $2', '$24'),
};

const KEY_FIRST = [
  `locked AS MATERIALIZED (
      SELECT client FROM agreement WHERE reference = $1 AND version = $2 FOR UPDATE
    ), kept AS (${takingKeys('SELECT client, $24, $25::bytea, $26, $27::integer, $28 FROM locked')}
    ), `,
  'FROM kept WHERE reference = $1 AND version = $2',
] as const;

/**
 * SAVE with an Idempotency-Key and its answer, both or neither: the row is locked on its version first, so that no key is
 * taken for a change that another save then overtakes; and it is changed only if the key was free.
 */
export const SAVE_KEPT: Statement = { name: 'agreement_save_kept', text: save(...KEY_FIRST) };

/** Likewise, with a new generation. */
export const SAVE_KEPT_COUNTED: Statement = {
  name: 'agreement_save_kept_counted',
  text: save(...KEY_FIRST, '$29'),
};
