import { firstReference, type Statement } from '../database/index.js';

/** Why a try counts no more where its provider wants the text later than the code can wait. */
export const TOO_LATE = 'too_late';

/**
 * A generation to be sent exists at most once, whoever asks for it and however often. None is noted for an agreement or
 * a generation that is not there (a topic older than a restored database, a forged message): it could never be sent, and
 * would stand in the way of the real one. Gives the number of each that is known. Who is asked first, of $2, is noted
 * with it, so that a claim can take so many of each provider. In order: two batches with the same ones wait for each other
 * instead of for ever.
 */
export const QUEUE: Statement = {
  name: 'send_queue',
  text: `
    WITH known AS MATERIALIZED (
      SELECT q.*, CASE WHEN a.test THEN $2::jsonb ->> 'test' WHEN a.channel = 'email' THEN $2::jsonb ->> 'email'
        ELSE coalesce($2::jsonb -> 'sms' ->> a.country, $2::jsonb -> 'sms' ->> '*') END AS provider
      FROM json_to_recordset($1::json) AS q (n integer, reference uuid, generation integer, id uuid, traceparent text)
      CROSS JOIN LATERAL (
        SELECT channel, country, test FROM agreement WHERE reference = q.reference AND generation >= q.generation LIMIT 1
      ) a
    ), queued AS (
      INSERT INTO send (reference, generation, id, traceparent, provider)
      SELECT reference, generation, id, traceparent, provider FROM known ORDER BY reference, generation
      ON CONFLICT (reference, generation) DO NOTHING
    )
    SELECT n FROM known`,
};

/**
 * Sends that are due, locked for the claim: SKIP LOCKED keeps parallel senders off each other's rows. Of each provider
 * ($1, '' for what nobody's turn is yet) no more than it may get ($2): else what waits for a slow one would stand before
 * what could go to another. Row by row, whatever the planner thinks of the bounds: 1.3 ms for a hundred where 10⁵ wait.
 * With what the limits count them under; `wanted` where the code may still go out at all,
 * `taken` where an earlier try was let through.
 */
export const DUE: Statement = {
  name: 'send_due',
  text: `
    SELECT s.reference, s.generation, s.provider AS noted, a.client, a.channel, a.contact, a.country, a.test,
      a.code_expires_at AS code_ends, e.address::text,
      a.status = 'pending' AND a.generation = s.generation AND a.expires_at > now() AS wanted,
      coalesce(e.taken, false) AS taken,
      CASE WHEN s.try = 0 THEN '[]'::json ELSE (
        SELECT coalesce(json_agg(json_build_object('provider', t.provider, 'outcome', t.outcome, 'receipt', t.receipt,
          'tooLate', t.reason = '${TOO_LATE}') ORDER BY t.try), '[]')
        FROM send_try t WHERE t.reference = s.reference AND t.generation = s.generation
      ) END AS tries
    FROM unnest($1::text[], $2::integer[]) AS lane (provider, room)
    CROSS JOIN LATERAL (
      SELECT q.reference, q.generation, q.provider, q.try FROM send q
      WHERE q.state = 'queued' AND q.next_attempt_at <= now() AND coalesce(q.provider, '') = lane.provider
      ORDER BY q.next_attempt_at LIMIT lane.room FOR UPDATE SKIP LOCKED
    ) s
    CROSS JOIN LATERAL (
      SELECT client, channel, contact, country, test, code_expires_at, status, generation, expires_at FROM agreement
      WHERE reference = s.reference LIMIT 1
    ) a
    LEFT JOIN LATERAL (
      SELECT address, taken FROM limit_entry WHERE reference = s.reference AND generation = s.generation LIMIT 1
    ) e ON true`,
};

/**
 * Takes sends under a lease: whoever dies with one leaves it to be found again when the lease is over. The try is written
 * down before anything is sent, with the provider that it is of.
 */
export const CLAIM: Statement = {
  name: 'send_claim',
  text: `
    WITH claimed AS (
      UPDATE send s SET try = s.try + 1, next_attempt_at = now() + make_interval(secs => $2), provider = due.provider
      FROM unnest($1::uuid[], $4::integer[], $3::text[]) AS due (reference, generation, provider)
      WHERE s.reference = ANY ($1::uuid[]) AND s.reference = due.reference AND s.generation = due.generation
      RETURNING s.reference, s.generation, s.id, s.try, s.traceparent, s.provider
    ), noted AS (
      INSERT INTO send_try (reference, generation, try, provider)
      SELECT reference, generation, try, provider FROM claimed
    )
    SELECT reference, generation, id, try, traceparent, now() AS claimed_at FROM claimed`,
};

/**
 * Whose turn it is, of sends that are not claimed now; $4: to be looked at again in so many seconds. From now, not from when
 * they were due: what is long overdue would still be so. What only changes hands keeps its place in the queue.
 */
export const ASSIGN: Statement = {
  name: 'send_assign',
  text: `
    UPDATE send s SET provider = due.provider, next_attempt_at = CASE WHEN due.wait = 0 THEN s.next_attempt_at
      ELSE greatest(s.next_attempt_at, now()) + make_interval(secs => due.wait) END
    FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::float8[]) AS due (reference, generation, provider, wait)
    WHERE s.reference = ANY ($1::uuid[]) AND s.reference = due.reference AND s.generation = due.generation`,
};

/**
 * What has been due for a while and waits for a provider that this process does not know, after a change of the settings:
 * nobody's turn again, so that it is routed anew. Whoever still knows that provider has had the time to claim it. At most $2
 * at one time, and none that somebody works on: what it cannot have at once it leaves.
 */
export const ADOPT: Statement = {
  name: 'send_adopt',
  text: `
    UPDATE send s SET provider = NULL
    FROM (
      SELECT reference, generation FROM send
      WHERE state = 'queued' AND next_attempt_at <= now() - interval '5 seconds' AND provider <> ALL ($1::text[])
      ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ) strange
    WHERE s.reference = strange.reference AND s.generation = strange.generation
    RETURNING s.reference`,
};

/** When anything at all is due, in milliseconds: one probe of an index, for a service with nothing to do. */
export const FIRST_DUE: Statement = {
  name: 'send_first_due',
  text: `
    SELECT ceil(extract(epoch FROM next_attempt_at - now()) * 1000)::float8 AS wait FROM send
    WHERE state = 'queued' ORDER BY next_attempt_at LIMIT 1`,
};

/** When the next send of one of these providers is due, in milliseconds. */
export const NEXT_DUE: Statement = {
  name: 'send_next_due',
  text: `
    SELECT min(ceil(extract(epoch FROM s.next_attempt_at - now()) * 1000))::float8 AS wait
    FROM unnest($1::text[]) AS lane (provider)
    CROSS JOIN LATERAL (
      SELECT q.next_attempt_at FROM send q WHERE q.state = 'queued' AND coalesce(q.provider, '') = lane.provider
      ORDER BY q.next_attempt_at LIMIT 1
    ) s`,
};

/**
 * Acceptances are facts, whichever try they were of: each is recorded although the lease may have passed to another try.
 * Once: a repeat of this statement finds its try accepted, and does not end a further round that has begun since. Each event
 * takes its number from the agreement's row, which orders it among the agreement's other events; the version stays, as
 * the rules have changed nothing. At most one of a reference, in their order, its send before its agreement, like everybody.
 * $2, the references once more, and `coalesce` leave the planner no way but those rows of the primary keys. A plan that was
 * made and kept while the tables were new else reads all tries, and all that is queued, for each batch.
 */
export const ACCEPTED: Statement = {
  name: 'send_accepted',
  text: `
    WITH given AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1::json) AS g (reference uuid, generation integer, try integer, provider text,
        message_id text, event_id uuid, type text, payload jsonb, at timestamptz, detail jsonb, traceparent text)
    ), tried AS (
      UPDATE send_try t SET finished_at = now(), outcome = 'accepted', provider_message_id = g.message_id
      FROM given g
      WHERE t.reference = ANY ($2::uuid[]) AND t.reference = g.reference AND t.generation = g.generation AND t.try = g.try
    ), closed AS (
      UPDATE send s SET state = 'sent', reason = NULL, provider = g.provider, provider_message_id = g.message_id,
        sent_at = now()
      FROM given g
      WHERE s.reference = ANY ($2::uuid[]) AND s.reference = g.reference AND s.generation = g.generation
        AND coalesce(s.state, '') = 'queued' AND NOT EXISTS (
        SELECT FROM send_try t
        WHERE t.reference = g.reference AND t.generation = g.generation AND t.try = g.try AND t.outcome = 'accepted'
      ) RETURNING g.*
    ), counted AS (
      UPDATE agreement a SET sequence = a.sequence + 1
      FROM closed c WHERE a.reference = ANY ($2::uuid[]) AND a.reference = c.reference
      RETURNING a.client, a.test, a.sequence, c.*
    ), noted AS (
      INSERT INTO history (reference, at, kind, detail) SELECT reference, at, 'code_sent', detail FROM counted
    )
    INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at, traceparent)
    SELECT event_id, 'agreement', reference::text, type, payload, client, test, sequence, at, traceparent FROM counted
    RETURNING seq`,
};

/** The end of a send that reached no provider; with its event unless the agreement itself is over. Only its own try. */
export const FAILED: Statement = {
  name: 'send_failed',
  text: `
    WITH tried AS (
      UPDATE send_try SET finished_at = now(), outcome = $4, reason = $5
      WHERE reference = $1 AND generation = $2 AND try = $3
    ), closed AS (
      UPDATE send SET state = 'failed', reason = $5, closed_at = now()
      WHERE reference = $1 AND generation = $2 AND try = $3 AND state = 'queued' RETURNING reference
    ), counted AS (
      UPDATE agreement a SET sequence = a.sequence + 1 FROM closed
      WHERE a.reference = closed.reference AND $6::uuid IS NOT NULL
      RETURNING a.reference, a.client, a.test, a.sequence
    ), noted AS (
      INSERT INTO history (reference, at, kind, detail) SELECT reference, $9, 'code_undelivered', $10 FROM counted
    )
    INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at, traceparent)
    SELECT $6, 'agreement', reference::text, $7, $8, client, test, sequence, $9, $11 FROM counted
    RETURNING seq`,
};

/**
 * The end of the round after a receipt that said undelivered, in which nobody else took the text: the send is what it was
 * before, without a second event.
 */
export const RESTORED: Statement = {
  name: 'send_restored',
  text: `
    WITH tried AS (
      UPDATE send_try SET finished_at = now(), outcome = $4, reason = $5
      WHERE reference = $1 AND generation = $2 AND try = $3
    ), taken AS (
      SELECT provider, provider_message_id, receipt, receipt_reason FROM send_try
      WHERE reference = $1 AND generation = $2 AND outcome = 'accepted' ORDER BY try DESC LIMIT 1
    )
    UPDATE send s SET state = coalesce(taken.receipt, 'sent'), reason = taken.receipt_reason, provider = taken.provider,
      provider_message_id = taken.provider_message_id, closed_at = now()
    FROM taken WHERE s.reference = $1 AND s.generation = $2 AND s.try = $3 AND s.state = 'queued'`,
};

/** Not taken this time: due again later, at whose turn it is then, unless another try has taken over meanwhile. */
export const RETRY: Statement = {
  name: 'send_retry',
  text: `
    WITH tried AS (
      UPDATE send_try SET finished_at = now(), outcome = $4, reason = $5
      WHERE reference = $1 AND generation = $2 AND try = $3
    )
    UPDATE send SET next_attempt_at = now() + make_interval(secs => $6), reason = $5, provider = $7
    WHERE reference = $1 AND generation = $2 AND try = $3 AND state = 'queued'`,
};

/** A try that ended before its provider was called. The lease brings the send back; but nobody has to ask whether he has it. */
export const NOT_CALLED: Statement = {
  name: 'send_not_called',
  text: `
    UPDATE send_try SET finished_at = now(), outcome = 'not_tried', reason = 'interrupted'
    WHERE reference = $1 AND generation = $2 AND try = $3 AND outcome IS NULL`,
};

/**
 * Generations that wait for a code although neither a send nor an event speaks of them: nothing known leads here, but a
 * restored backup or a dropped topic would. They are asked for again. Of the agreements made from $1 to $2 seconds ago:
 * the reference begins with the time (RFC 9562 §5.7), so each look walks a stretch of the primary key and no more.
 */
export const FORGOTTEN: Statement = {
  name: 'send_forgotten',
  text: `
    SELECT a.reference, a.generation FROM agreement a
    WHERE a.reference >= ${firstReference('$1')} AND a.reference < ${firstReference('$2')}
      AND a.expires_at > now() AND a.status = 'pending' AND a.requested_at < now() - interval '60 seconds'
      AND NOT EXISTS (SELECT FROM send s WHERE s.reference = a.reference AND s.generation = a.generation)
      AND NOT EXISTS (SELECT FROM outbox o WHERE o.aggregateid = a.reference::text)
    LIMIT $3`,
};
