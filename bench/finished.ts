import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

const LOOK_EVERY = 50;
/** Milliseconds; the work was nearly over when somebody began to wait. */
const WITHIN = 60_000;

/** What is not over while a text is to be sent, or an event to be published. */
export const UNFINISHED = `
  (SELECT 'a text' AS what FROM send WHERE state = 'queued' LIMIT 1)
  UNION ALL (SELECT 'an event' FROM outbox LIMIT 1)`;

/** Waits until a query gives no row. @throws where that takes longer than a minute */
export async function untilNone(databaseUrl: string, query: string): Promise<void> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const deadline = performance.now() + WITHIN;
    while ((await client.query(query)).rowCount !== 0) {
      if (performance.now() > deadline) throw new Error(`void: after a minute there is still some: ${query}`);
      await delay(LOOK_EVERY);
    }
  } finally {
    await client.end();
  }
}
