import type { Statement } from '../database/index.js';

/** How long after a text was handed over a receipt is believed to speak of it. */
const BELIEVED = `interval '72 hours'`;

/** An id of ours. PostgreSQL would refuse to make a uuid of anything else. */
const OUR_ID = `'^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'`;

/** Tries of the provider $1 that one of the ids $2 names: by its own id, or by ours, which some say though they gave one. */
const NAMED = `
      SELECT t.reference, t.generation, t.try, i.n
      FROM unnest($2::text[]) WITH ORDINALITY AS i (id, n)
      JOIN send_try t ON t.provider_message_id = i.id AND t.provider = $1
      UNION ALL
      SELECT t.reference, t.generation, t.try, i.n
      FROM unnest($2::text[]) WITH ORDINALITY AS i (id, n)
      JOIN send s ON s.id = CASE WHEN i.id ~ ${OUR_ID} THEN i.id::uuid END
      JOIN send_try t ON t.reference = s.reference AND t.generation = s.generation
      WHERE t.provider = $1`;

/**
 * The tries that a receipt may speak of, the likeliest id first, each with what is to be known of its send and agreement.
 * Of texts that were on their way when it came, at $4 or now: ids come round again. To the contact whose hash is among $3,
 * where the receipt names one. `reachable`: whether another text with the same code would still be of use.
 */
export const FIND: Statement = {
  name: 'receipt_find',
  text: `
    WITH named AS MATERIALIZED (${NAMED})
    SELECT m.n::int, t.reference, t.generation, t.try, t.provider, t.receipt, s.state, s.traceparent,
      extract(epoch FROM coalesce($4::timestamptz, now()) - t.finished_at)::float8 AS after,
      extract(epoch FROM now() - t.started_at)::float8 AS age, a.client, a.id_hash, a.channel, a.country,
      a.document_id, a.document_version, a.document_sha256, a.metadata, a.test, a.created_at, now() AS now,
      a.status = 'pending' AND a.expires_at > now() AND a.contact IS NOT NULL AND a.generation = t.generation
        AND a.code_generation = t.generation AND a.code_expires_at >= now() + interval '2 minutes' AS reachable,
      (SELECT json_agg(json_build_object('try', o.try, 'provider', o.provider, 'outcome', o.outcome, 'receipt', o.receipt)
          ORDER BY o.try)
        FROM send_try o WHERE o.reference = t.reference AND o.generation = t.generation) AS tries
    FROM named m
    JOIN send_try t ON t.reference = m.reference AND t.generation = m.generation AND t.try = m.try
    JOIN send s ON s.reference = t.reference AND s.generation = t.generation
    JOIN agreement a ON a.reference = t.reference
    WHERE t.outcome = 'accepted' AND (
        -- A provider that keeps ids gives the same one for a repeat, which may begin after the receipt of the first call.
        SELECT min(o.started_at) FROM send_try o
        WHERE o.reference = t.reference AND o.generation = t.generation AND o.provider = t.provider
      ) <= coalesce($4::timestamptz, now())
      AND t.started_at > coalesce($4::timestamptz, now()) - ${BELIEVED}
      AND (cardinality($3::bytea[]) = 0 OR a.contact_hash = ANY ($3::bytea[]))
    ORDER BY m.n, t.try DESC`,
};

/**
 * What a receipt of the try $3 changes, all of it or nothing: nothing where its send is no longer in the state $9 or the
 * try no longer known as $8, which is then looked at anew. The event takes its number from the agreement's row like that of
 * an acceptance; the version stays. With $10 the send is queued again, for that provider.
 */
export const SETTLE: Statement = {
  name: 'receipt_settle',
  text: `
    WITH locked AS MATERIALIZED (
      SELECT reference, generation FROM send WHERE reference = $1 AND generation = $2 AND state = $9 FOR UPDATE
    ), tried AS (
      UPDATE send_try t SET receipt = $4, receipt_reason = $5, receipt_at = now() FROM locked
      WHERE t.reference = $1 AND t.generation = $2 AND t.try = $3 AND t.receipt IS NOT DISTINCT FROM $8::text
      RETURNING t.reference, t.generation, t.provider, t.provider_message_id
    ), settled AS (
      UPDATE send s SET
        state = CASE WHEN $10::text IS NULL THEN $4 ELSE 'queued' END,
        reason = $5,
        provider = coalesce($10, tried.provider),
        provider_message_id = tried.provider_message_id,
        next_attempt_at = CASE WHEN $10::text IS NULL THEN s.next_attempt_at ELSE now() END,
        closed_at = CASE WHEN $10::text IS NULL THEN now() END
      FROM tried WHERE s.reference = tried.reference AND s.generation = tried.generation
      RETURNING s.reference, s.traceparent
    ), counted AS (
      UPDATE agreement a SET sequence = a.sequence + 1 FROM settled WHERE a.reference = settled.reference
      RETURNING a.reference, a.client, a.test, a.sequence, settled.traceparent
    ), noted AS (
      INSERT INTO history (reference, at, kind, detail) SELECT reference, $13, $6, $7 FROM counted
    )
    INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at, traceparent)
    SELECT $11, 'agreement', reference::text, $12, $14, client, test, sequence, $13, traceparent FROM counted
    RETURNING seq`,
};

/** What a provider said of a try where that changes nothing else. */
export const NOTE: Statement = {
  name: 'receipt_note',
  text: `
    UPDATE send_try SET receipt = $4, receipt_reason = $5, receipt_at = now()
    WHERE reference = $1 AND generation = $2 AND try = $3 AND receipt IS DISTINCT FROM 'delivered'`,
};

/** Keeps a receipt that fits nothing yet, once; the time stays text: a Date would cut its microseconds off. */
export const KEEP: Statement = {
  name: 'receipt_keep',
  text: `
    WITH known AS (
      SELECT id, received_at FROM delivery_receipt
      WHERE message_ids @> $2::text[] AND message_ids = $2::text[] AND provider = $1 AND recipients = $3::bytea[] AND state = $4
      ORDER BY id LIMIT 1
    ), added AS (
      INSERT INTO delivery_receipt (provider, message_ids, recipients, state, reason)
      SELECT $1, $2::text[], $3::bytea[], $4, $5 WHERE NOT EXISTS (SELECT FROM known)
      RETURNING id, received_at
    )
    SELECT id, received_at::text FROM known UNION ALL SELECT id, received_at::text FROM added`,
};

const KEPT = `SELECT r.id, r.provider, r.message_ids, r.recipients, r.state, r.reason, r.received_at::text FROM delivery_receipt r`;

/** Those of the providers $1 that speak of one of the ids $2; good news first, so that nothing is sent again in vain. */
export const KEPT_OF: Statement = {
  name: 'receipt_kept_of',
  text: `${KEPT} WHERE r.message_ids && $2::text[] AND r.provider = ANY ($1::text[]) ORDER BY r.state = 'delivered' DESC, r.id`,
};

/** Those kept from $1 to $2 seconds ago that fit a try by now, after the number $3. */
export const KEPT_FITTING: Statement = {
  name: 'receipt_kept_fitting',
  text: `
    ${KEPT}
    WHERE r.received_at >= now() - make_interval(secs => $1) AND r.received_at < now() - make_interval(secs => $2)
      AND r.id > $3 AND (
        EXISTS (
          SELECT FROM send_try t
          WHERE t.provider_message_id = ANY (r.message_ids) AND t.provider = r.provider AND t.outcome = 'accepted')
        OR EXISTS (
          SELECT FROM unnest(r.message_ids) AS i (id)
          JOIN send s ON s.id = CASE WHEN i.id ~ ${OUR_ID} THEN i.id::uuid END
          JOIN send_try t ON t.reference = s.reference AND t.generation = s.generation
          WHERE t.provider = r.provider AND t.outcome = 'accepted'))
    ORDER BY r.id LIMIT $4`,
};

/** It has been settled. */
export const DROP: Statement = { name: 'receipt_drop', text: `DELETE FROM delivery_receipt WHERE id = $1` };

/** Nothing fits any more what has been kept for so long. */
export const PURGE: Statement = {
  name: 'receipt_purge',
  text: `
    WITH old AS (
      SELECT id FROM delivery_receipt WHERE received_at < now() - ${BELIEVED}
      ORDER BY received_at LIMIT $1 FOR UPDATE SKIP LOCKED
    )
    DELETE FROM delivery_receipt r USING old WHERE r.id = old.id RETURNING 1 AS deleted`,
};
