import type { Statement } from '../database/index.js';

/**
 * The relay's statements. Rows are deleted, not marked: 500 by SELECT and DELETE drain 242–272 k rows/s on two cores,
 * 100 by UPDATE 75–82 k. The floor keeps the scan off dead index entries that a held snapshot does not let vacuum take
 * (38 k → 196 k rows/s); it is a hint only, and a sweep from 0 finds rows whose transaction committed late.
 */
export const NEXT: Statement = {
  name: 'outbox_next',
  text: `
    SELECT seq, id, aggregateid, type, payload, client, test, sequence, occurred_at, traceparent
    FROM outbox WHERE seq > $1 AND parked_at IS NULL ORDER BY seq LIMIT $2`,
};

/** What is acknowledged leaves. */
export const DELETE: Statement = {
  name: 'outbox_delete',
  text: `DELETE FROM outbox WHERE seq = ANY($1::bigint[])`,
};

/** What is refused for itself stays, with the reason, out of the way of the others. */
export const PARK: Statement = {
  name: 'outbox_park',
  text: `UPDATE outbox SET parked_at = now(), error = $2 WHERE seq = $1`,
};
