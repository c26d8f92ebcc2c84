import type pg from 'pg';
import type { Database } from '../database/index.js';
import { OUTBOX_CHANNEL } from './outbox-signal.js';

/** Any number that nothing else in this database locks. */
const RELAY_LOCK = 7_240_915_302;

const BEAT = 1_000;
/** The server ends a session that did not beat; the next leader can take over after that. */
const SESSION_TIMEOUT = '3s';
/** A leader trusts itself for less than that, by the monotonic clock. */
const TRUST = 2_500;

/**
 * Leadership among the relays of one database: a session advisory lock on a direct connection, which beats every
 * second. A leader that was killed, stopped or cut off is gone within 3 s (with TCP keepalives alone: more than 20 s).
 */
export class RelayLeader {
  #client: pg.Client | undefined;
  #beat: NodeJS.Timeout | undefined;
  #heardAt = -Infinity;

  /** @param woken called when another process says that there is something to publish */
  constructor(
    private readonly database: Database,
    private readonly woken: () => void,
  ) {}

  /** Whether this process may publish at this moment. */
  get leads(): boolean {
    return this.#client !== undefined && performance.now() - this.#heardAt < TRUST;
  }

  /** Tries to become the leader; gives whether this process is. @throws where the database is away */
  async campaign(): Promise<boolean> {
    if (this.leads) return true;
    await this.resign();
    const client = this.database.directClient();
    client.on('error', () => void this.resign());
    client.on('notification', this.woken);
    try {
      await client.connect();
      await client.query(`SET idle_session_timeout = '${SESSION_TIMEOUT}'`);
      const { rows } = await client.query<{ won: boolean }>('SELECT pg_try_advisory_lock($1) AS won', [RELAY_LOCK]);
      if (!rows[0]?.won) {
        await client.end();
        return false;
      }
      await client.query(`LISTEN ${OUTBOX_CHANNEL}`);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    this.#client = client;
    this.#heardAt = performance.now();
    this.#beat = setInterval(() => void this.#renew(client), BEAT);
    return true;
  }

  /** Gives the lock back at once, so that another relay need not wait for the timeout. */
  async resign(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    clearInterval(this.#beat);
    await client?.end().catch(() => undefined);
  }

  /** The time counts from before the beat was sent: an answer that took long says little about now. */
  async #renew(client: pg.Client): Promise<void> {
    const sentAt = performance.now();
    try {
      await client.query('SELECT 1');
      this.#heardAt = sentAt;
    } catch {
      if (this.#client === client) await this.resign();
    }
  }
}
