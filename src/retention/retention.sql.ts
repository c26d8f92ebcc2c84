import { firstReference, type Statement } from '../database/index.js';

/**
 * What is kept no longer, in batches that hold their locks for milliseconds: the rows are found first and then locked,
 * and those that somebody else has in hand are left for the next sweep (SKIP LOCKED). Several processes may sweep at once.
 */

/**
 * Takes the nonce and the hash of codes that have ended out of their rows, $3 at most; of the agreements made from $1 to
 * $2 seconds ago, a stretch of the primary key. Counts the version up: a guess or a resend that was loaded before is then
 * decided anew, instead of writing them back. An index on the code's end would make each issuing a non-HOT update.
 */
export const FORGET_CODES: Statement = {
  name: 'retention_forget_codes',
  text: `
    WITH ended AS MATERIALIZED (
      SELECT reference FROM agreement
      WHERE reference >= ${firstReference('$1')} AND reference < ${firstReference('$2')}
        AND status = 'pending' AND code_nonce IS NOT NULL AND code_expires_at <= now()
        AND NOT EXISTS (SELECT FROM sweep WHERE name = 'codes not before' AND watermark > now())
      LIMIT $3
    ), free AS (
      SELECT reference FROM agreement
      WHERE reference = ANY (ARRAY(SELECT reference FROM ended)) AND status = 'pending' AND code_expires_at <= now()
      FOR UPDATE SKIP LOCKED
    )
    UPDATE agreement a SET version = a.version + 1, code_key_id = NULL, code_nonce = NULL, code_hash = NULL
    FROM free WHERE a.reference = free.reference
    RETURNING a.reference`,
};

/** What one batch has done. */
export interface PurgedBatch {
  /** Closed agreements that were looked at; fewer than asked for where there are no more. */
  readonly seen: number;
  /** Rows of them that had something to purge. */
  readonly due: number;
  /** Those that were free. */
  readonly purged: number;
  /** Where the batch ended, in the order of the index; null where nothing was seen. */
  readonly closed_at: string | null;
  readonly reference: string | null;
}

/** Of those closed $3 seconds ago or earlier, the $4 that come after the time $1 and the reference $2. */
const CLOSED = `
      SELECT * FROM agreement
      WHERE closed_at IS NOT NULL AND closed_at <= now() - make_interval(secs => $3)
        AND (closed_at, reference) > ($1::timestamptz, $2::uuid)
      ORDER BY closed_at, reference LIMIT $4`;

const ENDED_AT = 'ORDER BY closed_at DESC, reference DESC LIMIT 1';

/** Contact, address and browser go; the keyed hash of the contact stays. */
export const PURGE_CONTACTS: Statement = {
  name: 'retention_purge_contacts',
  text: `
    WITH closed AS MATERIALIZED (
      SELECT reference, closed_at, coalesce(contact, subject_ip, subject_user_agent) IS NOT NULL AS due
      FROM (${CLOSED}) c
    ), free AS (
      SELECT reference FROM agreement
      WHERE reference = ANY (ARRAY(SELECT reference FROM closed WHERE due))
        AND coalesce(contact, subject_ip, subject_user_agent) IS NOT NULL
      FOR UPDATE SKIP LOCKED
    ), purged AS (
      UPDATE agreement a SET contact = NULL, subject_ip = NULL, subject_user_agent = NULL
      FROM free WHERE a.reference = free.reference RETURNING a.reference
    )
    SELECT (SELECT count(*)::int FROM closed) AS seen, (SELECT count(*)::int FROM closed WHERE due) AS due,
      (SELECT count(*)::int FROM purged) AS purged,
      (SELECT closed_at::text FROM closed ${ENDED_AT}) AS closed_at, (SELECT reference FROM closed ${ENDED_AT}) AS reference`,
};

/** Sends go with their tries and with what the sandbox kept of them; one that is still to be sent is left to end first. */
export const PURGE_DELIVERIES: Statement = {
  name: 'retention_purge_deliveries',
  text: `
    WITH closed AS MATERIALIZED (
      SELECT reference, closed_at FROM (${CLOSED}) c
    ), free AS (
      SELECT reference, generation FROM send
      WHERE reference = ANY (ARRAY(SELECT reference FROM closed)) AND state <> 'queued' FOR UPDATE SKIP LOCKED
    ), purged AS (
      DELETE FROM send s USING free f WHERE s.reference = f.reference AND s.generation = f.generation
      RETURNING s.reference, s.generation
    ), tries AS (
      DELETE FROM send_try t USING purged p WHERE t.reference = p.reference AND t.generation = p.generation
    ), messages AS (
      DELETE FROM sandbox_message WHERE reference = ANY (ARRAY(SELECT reference FROM purged))
    )
    SELECT (SELECT count(*)::int FROM closed) AS seen,
      (SELECT count(*)::int FROM send WHERE reference = ANY (ARRAY(SELECT reference FROM closed))) AS due,
      (SELECT count(*)::int FROM purged) AS purged,
      (SELECT closed_at::text FROM closed ${ENDED_AT}) AS closed_at, (SELECT reference FROM closed ${ENDED_AT}) AS reference`,
};

/** How far the sweep of the name $1 has come: what was closed before needs no look. */
export const WATERMARK: Statement = {
  name: 'retention_watermark',
  text: `SELECT coalesce((SELECT watermark FROM sweep WHERE name = $1), '-infinity')::text AS watermark`,
};

/**
 * Notes that all is purged up to $2 that was closed $3 seconds ago. Not up to the last minute, for commits that were late;
 * nor further than expiry has come, which writes down closings that lie in the past, after an outage long ones.
 */
export const ADVANCE: Statement = {
  name: 'retention_advance',
  text: `
    INSERT INTO sweep (name, watermark)
    SELECT $1, LEAST($2::timestamptz, now() - make_interval(secs => $3 + 60),
      coalesce((SELECT watermark FROM sweep WHERE name = 'expiry'), '-infinity'))
    ON CONFLICT (name) DO UPDATE SET watermark = GREATEST(sweep.watermark, excluded.watermark)`,
};
