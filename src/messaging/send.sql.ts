import { firstReference, type Statement } from '../database/index.js';

/**
 * A generation to be sent exists at most once, whoever asks for it and however often. None is noted for an agreement or
 * a generation that is not there (a topic older than a restored database, a forged message): it could never be sent, and
 * would stand in the way of the real one. Gives a row where the generation is known.
 */
export const QUEUE: Statement = {
  name: 'send_queue',
  text: `
    WITH known AS (
      SELECT reference FROM agreement WHERE reference = $1 AND generation >= $2
    ), queued AS (
      INSERT INTO send (reference, generation, id, traceparent)
      SELECT reference, $2, $3, $4 FROM known
      ON CONFLICT (reference, generation) DO NOTHING
    )
    SELECT reference FROM known`,
};

/**
 * Sends that are due, locked for the claim: SKIP LOCKED keeps parallel senders off each other's rows. With what the limits
 * count them under; `wanted` where the code may still go out at all, `taken` where an earlier try was let through.
 */
export const DUE: Statement = {
  name: 'send_due',
  text: `
    SELECT s.reference, s.generation, a.client, a.contact, a.country, e.address::text,
      a.status = 'pending' AND a.generation = s.generation AND a.expires_at > now() AS wanted,
      coalesce(e.taken, false) AS taken
    FROM send s
    JOIN agreement a ON a.reference = s.reference
    LEFT JOIN limit_entry e ON e.reference = s.reference AND e.generation = s.generation
    WHERE s.state = 'queued' AND s.next_attempt_at <= now()
    ORDER BY s.next_attempt_at LIMIT $1 FOR UPDATE OF s SKIP LOCKED`,
};

/**
 * Takes sends under a lease: whoever dies with one leaves it to be found again when the lease is over. The try is written
 * down before anything is sent.
 */
export const CLAIM: Statement = {
  name: 'send_claim',
  text: `
    WITH claimed AS (
      UPDATE send s SET try = s.try + 1, next_attempt_at = now() + make_interval(secs => $2)
      FROM unnest($1::uuid[], $4::integer[]) AS due (reference, generation)
      WHERE s.reference = due.reference AND s.generation = due.generation
      RETURNING s.reference, s.generation, s.id, s.try, s.traceparent
    ), noted AS (
      INSERT INTO send_try (reference, generation, try, provider)
      SELECT reference, generation, try, $3 FROM claimed
    )
    SELECT reference, generation, id, try, traceparent, now() AS claimed_at FROM claimed`,
};

/** When the next send is due that is not due yet, in milliseconds. */
export const NEXT_DUE: Statement = {
  name: 'send_next_due',
  text: `
    SELECT ceil(extract(epoch FROM next_attempt_at - now()) * 1000)::float8 AS wait
    FROM send WHERE state = 'queued' ORDER BY next_attempt_at LIMIT 1`,
};

/**
 * An acceptance is a fact, whichever try it was of: it is recorded although the lease may have passed to another try.
 * The event takes its number from the agreement's row, which orders it among the agreement's other events; the version
 * stays, because nothing of the agreement's rules has changed.
 */
export const ACCEPTED: Statement = {
  name: 'send_accepted',
  text: `
    WITH tried AS (
      UPDATE send_try SET finished_at = now(), outcome = 'accepted', provider_message_id = $5
      WHERE reference = $1 AND generation = $2 AND try = $3
    ), closed AS (
      UPDATE send SET state = 'sent', reason = NULL, provider = $4, provider_message_id = $5, sent_at = now()
      WHERE reference = $1 AND generation = $2 AND state = 'queued' RETURNING reference
    ), counted AS (
      UPDATE agreement a SET sequence = a.sequence + 1 FROM closed WHERE a.reference = closed.reference
      RETURNING a.reference, a.client, a.test, a.sequence
    ), noted AS (
      INSERT INTO history (reference, at, kind, detail) SELECT reference, $9, 'code_sent', $10 FROM counted
    )
    INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at, traceparent)
    SELECT $6, 'agreement', reference::text, $7, $8, client, test, sequence, $9, $11 FROM counted
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

/** Not taken this time: due again later, unless another try has taken over meanwhile. */
export const RETRY: Statement = {
  name: 'send_retry',
  text: `
    WITH tried AS (
      UPDATE send_try SET finished_at = now(), outcome = $4, reason = $5
      WHERE reference = $1 AND generation = $2 AND try = $3
    )
    UPDATE send SET next_attempt_at = now() + make_interval(secs => $6), reason = $5
    WHERE reference = $1 AND generation = $2 AND try = $3 AND state = 'queued'`,
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
