import type { Statement } from '../database/index.js';

/** Every client, by one step in the index for each: PostgreSQL has no skip scan for DISTINCT, and a table would be read. */
export const CLIENTS: Statement = {
  name: 'erasure_clients',
  text: `
    WITH RECURSIVE clients AS (
      (SELECT client FROM agreement ORDER BY client LIMIT 1)
      UNION ALL
      SELECT (SELECT a.client FROM agreement a WHERE a.client > c.client ORDER BY a.client LIMIT 1)
      FROM clients c WHERE c.client IS NOT NULL
    )
    SELECT client FROM clients WHERE client IS NOT NULL`,
};

/** The agreements of a person with each of the clients $1, by the index (client, id_hash, reference). */
export const OF_PERSON: Statement = {
  name: 'erasure_of_person',
  text: `
    SELECT a.reference FROM unnest($1::text[]) AS c (client)
    CROSS JOIN LATERAL (SELECT reference FROM agreement WHERE client = c.client AND id_hash = $2 ORDER BY reference) a
    ORDER BY a.reference`,
};

/** What there is of an agreement that can be erased, and what will remain. */
export const HELD: Statement = {
  name: 'erasure_held',
  text: `
    SELECT reference, client, status,
      contact IS NOT NULL AND channel = 'sms' AS phone, contact IS NOT NULL AND channel = 'email' AS email, subject_ip IS NOT NULL AS ip, subject_user_agent IS NOT NULL AS user_agent,
      (SELECT count(*)::int FROM send s WHERE s.reference = a.reference) AS sends,
      (SELECT count(*)::int FROM send_try t WHERE t.reference = a.reference) AS tries,
      (SELECT count(*)::int FROM sandbox_message m WHERE m.reference = a.reference) AS sandbox_messages,
      (SELECT count(*)::int FROM idempotency_key k
        WHERE k.client = a.client AND k.answer LIKE '%' || a.reference || '%') AS answers,
      document_id || ' ' || document_version AS document, created_at, confirmed_at, closed_at, contact_key_id, close_reason,
      (SELECT count(*)::int FROM history h WHERE h.reference = a.reference) AS history,
      ARRAY(SELECT jsonb_object_keys(metadata)) AS metadata
    FROM agreement a WHERE reference = $1`,
};

/** The keyed hash of the contact stays: it proves who agreed to whoever knows the contact and holds the key. */
export const ERASE: Statement = {
  name: 'erasure_erase',
  text: `
    WITH sends AS (DELETE FROM send WHERE reference = $1),
      tries AS (DELETE FROM send_try WHERE reference = $1),
      messages AS (DELETE FROM sandbox_message WHERE reference = $1)
    UPDATE agreement SET contact = NULL, subject_ip = NULL, subject_user_agent = NULL
    WHERE reference = $1 AND coalesce(contact, subject_ip, subject_user_agent) IS NOT NULL`,
};

/** Answers that were kept for the caller $1 and speak of the agreement $2. */
export const FORGET_ANSWERS: Statement = {
  name: 'erasure_forget_answers',
  text: `DELETE FROM idempotency_key WHERE client = $1 AND answer LIKE '%' || $2::text || '%'`,
};
