import type { Statement } from '../database/index.js';

/**
 * The relay's statements. Rows are deleted, not marked: 500 by SELECT and DELETE drain 242–272 k rows/s on two cores,
 * 100 by UPDATE 75–82 k. The floor keeps the scan off dead index entries that a held snapshot does not let vacuum take
 * (38 k → 196 k rows/s); it is a hint only.
 *
 * $2 rows at most above $1 that are not among $4, which the relay has in hand, and no more of them than have $3 bytes of
 * JSON together, but always the first, however large. With the oldest transaction that still ran, which may yet bring up
 * a row of a lower number. The JSON is made a text once, in the innermost part, and stays one until Kafka has it. `NOT IN`
 * a subquery is looked up in a hash; `<> ALL` of an array is read through for each row. A plan that is
 * kept was made for the empty table that an idle relay looks at, and one without statistics takes a row in 200 to be not parked:
 * both sorted 50 000 events for the first 500 of them (80 to 100 ms instead of 5), which needs a bitmap.
 */
export const NEXT: Statement = {
  name: 'outbox_next',
  settings: 'SET LOCAL enable_bitmapscan = off',
  text: `
    SELECT seq, id, aggregateid, type, payload, client, test, sequence, occurred_at, traceparent,
      (SELECT pg_snapshot_xmin(pg_current_snapshot())) AS oldest_running
    FROM (
      SELECT *, sum(octet_length(payload)) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) AS total
      FROM (
        SELECT seq, id, aggregateid, type, payload::text AS payload, client, test, sequence, occurred_at, traceparent
        FROM outbox
        WHERE seq > $1 AND parked_at IS NULL AND seq NOT IN (SELECT unnest($4::bigint[]))
        ORDER BY seq LIMIT $2
      ) AS head
    ) AS summed
    WHERE total <= $3 OR total = octet_length(payload)
    ORDER BY seq`,
};

/** Whether anything waits at all: one statement, where the one above is two with its setting. */
export const ANY: Statement = {
  name: 'outbox_any',
  text: `SELECT FROM outbox WHERE parked_at IS NULL LIMIT 1`,
};

/** What is acknowledged leaves; gives the id of the transaction. */
export const DELETE: Statement = {
  name: 'outbox_delete',
  text: `
    WITH gone AS (DELETE FROM outbox WHERE seq = ANY($1::bigint[]))
    SELECT pg_current_xact_id() AS xid`,
};

/** What is refused for itself stays, with the reason, out of the way of the others. */
export const PARK: Statement = {
  name: 'outbox_park',
  text: `UPDATE outbox SET parked_at = now(), error = $2 WHERE seq = $1`,
};
