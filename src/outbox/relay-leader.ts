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
    return performance.now() - this.#heardAt < TRUST;
  }

  /**
   * Tries to become the leader; gives whether this process is. Called again within the session's time-out, or the
   * server ends the session.
   * @throws where the database is away
   */
  async campaign(): Promise<boolean> {
    if (this.leads) return true;
    if (this.#beat) await this.resign();
    this.#client ??= await this.#connect();
    const client = this.#client;
    const sentAt = performance.now();
    const { rows } = await client.query<{ won: boolean }>('SELECT pg_try_advisory_lock($1) AS won', [RELAY_LOCK]);
    if (!rows[0]?.won) return false;
    await client.query(`LISTEN ${OUTBOX_CHANNEL}`);
    this.#heardAt = sentAt;
    this.#beat = setInterval(() => void this.#renew(client), BEAT);
    return true;
  }

  /** Gives the lock back at once, so that another relay need not wait for the time-out. */
  async resign(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#heardAt = -Infinity;
    clearInterval(this.#beat);
    this.#beat = undefined;
    await client?.end().catch(() => undefined);
  }

  async #connect(): Promise<pg.Client> {
    const client = this.database.directClient();
    client.on('error', () => {
      if (this.#client === client) void this.resign();
    });
    client.on('notification', this.woken);
    try {
      await client.connect();
      await client.query(`SET idle_session_timeout = '${SESSION_TIMEOUT}'`);
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
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
