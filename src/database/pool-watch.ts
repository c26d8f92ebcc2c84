import type pg from 'pg';
import { type Deadline, Deadlines } from '../deadlines.js';
import { isConnectionLost } from './unavailable.js';

/** An answer takes milliseconds. Long before a statement is given up, what lies idle beside it can be done without. */
const SILENT_AFTER = 2_000;

/**
 * Keeps the connections of a pool honest. A network that swallows packets closes nothing: each connection that was open
 * before would cost a statement its whole time, one after the other. So as soon as one is silent the idle ones are
 * closed and the next statements go out on new ones, and the first that is given up takes all silent ones with it.
 * @param answerWithin milliseconds that a connection may be held for: each is taken for one statement,
 * or for a few in one short transaction
 */
export function watchPool(pool: pg.Pool, answerWithin: number): void {
  const idle = new Set<pg.PoolClient>();
  const silent = new Set<pg.PoolClient>();
  const distrustIdle = (): void => breakOff(idle, 'another connection was lost');
  /** Of those that are neither idle nor closed. */
  const running = new Map<pg.PoolClient, Deadline<pg.PoolClient>>();
  const overdue = new Deadlines<pg.PoolClient>(answerWithin - SILENT_AFTER, () => {
    breakOff(silent, 'PostgreSQL did not answer in time');
  });
  const busy = new Deadlines<pg.PoolClient>(SILENT_AFTER, (client) => {
    silent.add(client);
    running.set(client, overdue.begin(client));
    distrustIdle();
  });
  const forget = (client: pg.PoolClient): void => {
    idle.delete(client);
    silent.delete(client);
    running.get(client)?.end();
    running.delete(client);
  };
  pool.on('acquire', (client) => {
    idle.delete(client);
    running.set(client, busy.begin(client));
  });
  pool.on('release', (error: unknown, client) => {
    forget(client);
    if (!error) idle.add(client);
    else if (isConnectionLost(error)) distrustIdle();
  });
  pool.on('remove', forget);
}

/** Not `end`, whose farewell nobody may be there to take: the socket would stay open. */
function breakOff(clients: Set<pg.PoolClient>, why: string): void {
  for (const client of clients) client.connection.stream.destroy(Object.assign(new Error(why), { code: 'ETIMEDOUT' }));
  clients.clear();
}
