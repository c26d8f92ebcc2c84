import type pg from 'pg';
import type { Database } from '../database/index.js';
import { OUTBOX_CHANNEL } from './outbox-signal.js';

/** Any number that nothing else in this database locks. */
export const RELAY_LOCK = 7_240_915_302;

/** With the look at the table every five seconds less than one query a second. */
const BEAT = 1_500;
/** The server ends a session that did not beat; the next leader can take over after that. */
const SESSION_TIMEOUT = '3s';
/** A leader trusts itself for less than that, by the monotonic clock. */
const TRUST = 2_500;
/** An answer that comes later than this could not prolong the trust any more. */
const ANSWER_WITHIN = TRUST - BEAT;
/** So long the server may take to close a session that was given back. */
const CLOSE_WITHIN = 500;

/** What a leader tells the relay. */
export interface LeaderEvents {
  /** Another process says that there is something to publish. */
  readonly woken: () => void;
  /** This process led, and does not any more. */
  readonly lost: () => void;
}

/**
 * Leadership among the relays of one database: a session advisory lock on a direct connection, which beats every
 * 1.5 s. A leader that was killed, stopped or cut off is gone within 3 s (with TCP keepalives alone: more than 20 s).
 * Every wait has an end, for packets may vanish in the middle of any of them: connecting 1.5 s, a statement 1 s,
 * giving back 0.5 s.
 */
export class RelayLeader {
  #client: pg.Client | undefined;
  #beat: NodeJS.Timeout | undefined;
  #heardAt = -Infinity;

  constructor(
    private readonly database: Database,
    private readonly events: LeaderEvents,
  ) {}

  /** Whether this process may publish at this moment. */
  get leads(): boolean {
    return performance.now() - this.#heardAt < TRUST;
  }

  /**
   * Tries to become the leader; gives whether this process is. Called again within the session's time-out, or the
   * server ends the session and the next call begins a new one.
   * @throws where the database is away, 5.5 s later at most
   */
  async campaign(): Promise<boolean> {
    if (this.leads) return true;
    if (this.#heardAt > -Infinity) await this.resign();
    this.#client ??= await this.#connect();
    const client = this.#client;
    try {
      const sentAt = performance.now();
      const { rows } = await client.query<{ won: boolean }>('SELECT pg_try_advisory_lock($1) AS won', [RELAY_LOCK]);
      if (!rows[0]?.won) return false;
      await client.query(`LISTEN ${OUTBOX_CHANNEL}`);
      if (this.#client !== client) throw new Error('the session ended as it was about to lead');
      this.#heardAt = sentAt;
      this.#beatAfter(sentAt, client);
      return this.leads;
    } catch (error) {
      await this.#abandon(client);
      throw error;
    }
  }

  /** Gives the lock back at once, so that another relay need not wait for the time-out; ends within 0.5 s. */
  async resign(): Promise<void> {
    const client = this.#client;
    const led = this.#heardAt > -Infinity;
    this.#client = undefined;
    this.#heardAt = -Infinity;
    clearTimeout(this.#beat);
    if (led) this.events.lost();
    if (client) await close(client);
  }

  async #connect(): Promise<pg.Client> {
    const client = this.database.directClient(ANSWER_WITHIN);
    client.on('error', () => void this.#abandon(client));
    client.on('notification', this.events.woken);
    try {
      await client.connect();
      await client.query(`SET idle_session_timeout = '${SESSION_TIMEOUT}'`);
      return client;
    } catch (error) {
      await close(client);
      throw error;
    }
  }

  /** After any trouble: a connection with an unanswered statement answers no other. */
  async #abandon(client: pg.Client): Promise<void> {
    if (this.#client === client) await this.resign();
  }

  /** One beat at a time, 1.5 s apart or as fast as the answers come. */
  #beatAfter(lastSentAt: number, client: pg.Client): void {
    const wait = Math.max(0, lastSentAt + BEAT - performance.now());
    this.#beat = setTimeout(() => void this.#renew(client), wait);
  }

  /** The time counts from before the beat was sent: an answer that took long says little about now. */
  async #renew(client: pg.Client): Promise<void> {
    const sentAt = performance.now();
    try {
      await client.query('SELECT 1');
    } catch {
      return this.#abandon(client);
    }
    if (this.#client !== client) return;
    this.#heardAt = sentAt;
    this.#beatAfter(sentAt, client);
  }
}

/** Says goodbye; where nobody answers, the connection is dropped without an answer (`end` alone would wait for ever). */
async function close(client: pg.Client): Promise<void> {
  const drop = setTimeout(() => client.connection.stream.destroy(), CLOSE_WITHIN);
  await client.end().catch(() => undefined);
  clearTimeout(drop);
}
