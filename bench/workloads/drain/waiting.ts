import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';

/** Milliseconds between two looks. */
const LOOK_EVERY = 10;

/** Waits until a query gives no row; it must be one that costs next to nothing. */
export async function untilNone(client: pg.Client, query: string): Promise<void> {
  while ((await client.query(query)).rowCount !== 0) await delay(LOOK_EVERY);
}
