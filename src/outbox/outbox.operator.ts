import type { OperatorDatabase, Statement } from '../database/index.js';
import { OUTBOX_CHANNEL } from './outbox-signal.js';
import { RELAY_LOCK } from './relay-leader.js';

/** What an operator sees of the outbox at a glance. */
export interface OutboxState {
  readonly waiting: number;
  /** When the oldest of them happened. */
  readonly oldest_at: Date | null;
  /** Seconds since then. */
  readonly oldest_age: number | null;
  readonly parked: number;
  /** Whether a relay leads, in whatever process. */
  readonly led: boolean;
}

/** An event that was refused for itself. */
export interface ParkedEvent {
  readonly id: string;
  readonly seq: string;
  readonly reference: string;
  readonly type: string;
  readonly sequence: number;
  readonly occurred_at: Date;
  readonly parked_at: Date;
  readonly error: string | null;
}

const COLUMNS = 'id, seq, aggregateid AS reference, type, sequence, occurred_at, parked_at, error';

const STATE: Statement = {
  name: 'outbox_state',
  text: `
    SELECT count(*) FILTER (WHERE parked_at IS NULL)::int AS waiting,
           min(occurred_at) FILTER (WHERE parked_at IS NULL) AS oldest_at,
           floor(extract(epoch FROM now() - min(occurred_at) FILTER (WHERE parked_at IS NULL)))::float8 AS oldest_age,
           count(*) FILTER (WHERE parked_at IS NOT NULL)::int AS parked,
           EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                     AND (classid::bigint << 32 | objid::bigint) = $1) AS led
    FROM outbox`,
};

const PARKED: Statement = {
  name: 'outbox_parked',
  text: `SELECT ${COLUMNS} FROM outbox WHERE parked_at IS NOT NULL ORDER BY outbox.seq LIMIT $1`,
};

/** Only what is parked: a row that the relay has in hand must stay as it is. */
const CHOSEN = `parked_at IS NOT NULL AND ($1::uuid IS NULL OR id = $1) AND ($2::bigint IS NULL OR seq = $2)`;

/** Gives the rows as they were. */
const RETRY: Statement = {
  name: 'outbox_retry',
  text: `
    WITH chosen AS (
      SELECT * FROM outbox WHERE ${CHOSEN} FOR UPDATE
    ), freed AS (
      UPDATE outbox o SET parked_at = NULL, error = NULL FROM chosen c WHERE o.seq = c.seq RETURNING o.seq
    ), told AS (
      SELECT pg_notify('${OUTBOX_CHANNEL}', '') FROM (SELECT FROM freed LIMIT 1) one
    )
    SELECT ${COLUMNS} FROM chosen, (SELECT count(*) FROM told) AS anybody ORDER BY chosen.seq`,
};

const DROP: Statement = {
  name: 'outbox_drop',
  text: `DELETE FROM outbox WHERE ${CHOSEN} RETURNING ${COLUMNS}`,
};

const UNPARKED: Statement = {
  name: 'outbox_unparked',
  text: `SELECT seq FROM outbox WHERE parked_at IS NULL AND (id = $1::uuid OR seq = $2::bigint)`,
};

/** Of one event: its `ce_id` or its number in the outbox. */
export type EventId = { readonly id: string } | { readonly seq: string };

/** How much waits, and whether somebody works on it. */
export async function outboxState(database: OperatorDatabase): Promise<OutboxState> {
  const [row] = await database.query<OutboxState>(STATE, [RELAY_LOCK]);
  return row ?? { waiting: 0, oldest_at: null, oldest_age: null, parked: 0, led: false };
}

/** The parked events in the order in which they were raised. @param limit at most so many */
export function parkedEvents(database: OperatorDatabase, limit: number): Promise<ParkedEvent[]> {
  return database.query<ParkedEvent>(PARKED, [limit]);
}

/** Lets the relay publish a parked event again, or all of them; gives them as they were. */
export function retryParked(database: OperatorDatabase, which: EventId | 'all'): Promise<ParkedEvent[]> {
  return database.query<ParkedEvent>(RETRY, which === 'all' ? [null, null] : values(which));
}

/** Deletes one parked event, never one that waits; gives it where it was there. */
export async function dropParked(database: OperatorDatabase, which: EventId): Promise<ParkedEvent | undefined> {
  const [row] = await database.query<ParkedEvent>(DROP, values(which));
  return row;
}

/** Whether an event is in the outbox and not parked. */
export async function waitsUnparked(database: OperatorDatabase, which: EventId): Promise<boolean> {
  return (await database.query(UNPARKED, values(which))).length > 0;
}

function values(which: EventId): [string | null, string | null] {
  return 'id' in which ? [which.id, null] : [null, which.seq];
}
