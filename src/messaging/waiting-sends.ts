import type { OperatorDatabase, Statement } from '../database/index.js';

/** Sends that are not over. */
export interface WaitingSends {
  readonly waiting: number;
  /** Those of them that have been tried in vain: a first try that is still going on has no reason yet. */
  readonly retrying: number;
  /** When the first of them is due. */
  readonly due_at: Date | null;
  /** Seconds since then; negative while that is still to come. */
  readonly overdue: number | null;
}

const WAITING: Statement = {
  name: 'send_waiting',
  text: `
    SELECT count(*)::int AS waiting, count(reason)::int AS retrying, min(next_attempt_at) AS due_at,
           floor(extract(epoch FROM now() - min(next_attempt_at)))::float8 AS overdue
    FROM send WHERE state = 'queued'`,
};

/** How many texts are still to be sent. */
export async function waitingSends(database: OperatorDatabase): Promise<WaitingSends> {
  const [row] = await database.query<WaitingSends>(WAITING);
  return row ?? { waiting: 0, retrying: 0, due_at: null, overdue: null };
}
