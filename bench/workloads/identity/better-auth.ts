import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { ListedRequest, LoadResult } from '../../load.js';
import { startCpuMeter } from '../../machine.js';
import { Server } from '../../processes.js';
import type { MeasuredArm } from '../../rounds.js';
import type { Bench } from '../../workload.js';

/** A number that waits for its code, and the code. */
interface Waiting {
  readonly phoneNumber: string;
  readonly code: string;
}

const CONNECTIONS = 32;
const WARM_UP_REQUESTS = 2_000;
/** The first answer of each connection tells nothing, so there must be some more. */
const FEWEST_REQUESTS = CONNECTIONS * 4;
const TABLES = ['verification', 'session', 'account', '"user"'];

/** The other server, with a database of its own. */
export class BetterAuth {
  #numbers = 0;
  /** Milliseconds of CPU that the last load took. */
  #use: Record<'server' | 'postgres', number> | undefined;

  private constructor(
    readonly server: Server,
    private readonly client: pg.Client,
    private readonly bench: Bench,
  ) {}

  /** @param ends what ends it */
  static async start(bench: Bench, ends: AsyncDisposableStack): Promise<BetterAuth> {
    const databaseUrl = await bench.postgres.createDatabase('bench_better_auth');
    const script = fileURLToPath(new URL('../../better-auth/main.js', import.meta.url));
    const secret = randomBytes(32).toString('hex');
    const command = (port: number) => ({
      script,
      args: ['--port', String(port), '--database-url', databaseUrl, '--secret', secret],
      env: { NODE_ENV: 'production' },
    });
    const starting = Server.start('better-auth', command, '/health/ready', bench.cores?.server);
    const server = ends.adopt(await starting, (it) => it.stop());
    const client = ends.adopt(new pg.Client(databaseUrl), (it) => it.end());
    await client.connect();
    const betterAuth = new BetterAuth(server, client, bench);
    await betterAuth.#keepModel();
    return betterAuth;
  }

  /** Asks for codes. @param seconds of load, roughly */
  sending(seconds: number): MeasuredArm {
    return this.#measured('better-auth', seconds, WARM_UP_REQUESTS, (atLeast) => this.#send(atLeast));
  }

  /**
   * Enters right codes.
   * @param waiting so many codes lie there, or as many as are entered
   * @param session whether each right code is to give a session, as is its default
   */
  verifying(seconds: number, waiting: number, session: boolean): MeasuredArm {
    const name = session ? 'better-auth' : 'better-auth-no-session';
    // Among many it is slow, and warm already.
    const warmUp = waiting > 0 ? CONNECTIONS : WARM_UP_REQUESTS;
    return this.#measured(name, seconds, warmUp, (atLeast) => this.#verify(atLeast, waiting, session));
  }

  #measured(
    name: string,
    seconds: number,
    warmUp: number,
    work: (atLeast: number) => Promise<LoadResult>,
  ): MeasuredArm {
    let rate = 0;
    return {
      name,
      measure: async () => {
        if (rate === 0) {
          await work(warmUp);
          rate = (await work(FEWEST_REQUESTS)).perSecond;
        }
        const { perSecond, p50, p99, requests } = await work(Math.max(rate * seconds, FEWEST_REQUESTS));
        rate = perSecond;
        const each = (milliseconds: number | undefined): number => ((milliseconds ?? NaN) * 1000) / requests;
        return { perSecond, p50, p99, serverCpu: each(this.#use?.server), postgresCpu: each(this.#use?.postgres) };
      },
    };
  }

  /** @throws where not every request was answered 200 and stored once */
  async #send(atLeast: number): Promise<LoadResult> {
    await this.#empty();
    const phones = this.#newNumbers(inTurn(atLeast));
    const bodies = phones.map((phoneNumber) => JSON.stringify({ phoneNumber }));
    const result = await this.#ask(bodies.map((body) => ({ path: '/api/auth/phone-number/send-otp', body })));
    await this.#mustHaveRows(result, { verification: result.requests });
    return result;
  }

  /** @throws where not every request was answered 200, or has not used up its code, made its user and its session */
  async #verify(atLeast: number, waiting: number, session: boolean): Promise<LoadResult> {
    const count = inTurn(atLeast);
    const rows = Math.max(count, waiting);
    const entered = (await this.#fill(rows)).slice(0, count);
    const more = session ? {} : { disableSession: true };
    const bodies = entered.map((each) => JSON.stringify({ ...each, ...more }));
    const result = await this.#ask(bodies.map((body) => ({ path: '/api/auth/phone-number/verify', body })));
    await this.#mustHaveRows(result, { verification: rows - count, user: count, session: session ? count : 0 });
    return result;
  }

  /** So many codes that wait, in the place of all there were, as if they had been asked for just now. */
  async #fill(count: number): Promise<Waiting[]> {
    await this.#empty();
    const waiting = this.#newNumbers(count).map((phoneNumber, n) => ({
      phoneNumber,
      code: String((n * 7919) % 1_000_000).padStart(6, '0'),
    }));
    await this.client.query(
      `INSERT INTO verification (id, identifier, value, "expiresAt", "createdAt", "updatedAt")
      SELECT replace(gen_random_uuid()::text, '-', ''), replace(m.identifier, m.phone, g.phone), replace(m.value, m.code, g.code),
        now() + interval '1 hour', now(), now()
      FROM model m, unnest($1::text[], $2::text[]) AS g (phone, code)`,
      [waiting.map(({ phoneNumber }) => phoneNumber), waiting.map(({ code }) => code)],
    );
    await this.client.query('ANALYZE verification');
    return waiting;
  }

  async #ask(requests: readonly ListedRequest[]): Promise<LoadResult> {
    const lists = Array.from({ length: CONNECTIONS }, (_, connection) =>
      requests.filter((_request, n) => n % CONNECTIONS === connection),
    );
    const stop = await startCpuMeter({ server: this.server.pid, postgres: this.bench.postgres.pid });
    const result = await this.bench.generator.loadLists({ url: this.server.url, key: null, lists });
    this.#use = await stop();
    return result;
  }

  #newNumbers(count: number): string[] {
    return Array.from({ length: count }, () => `+791${String(this.#numbers++).padStart(8, '0')}`);
  }

  /** One code that it has asked for and stored itself: what the others are made like. */
  async #keepModel(): Promise<void> {
    const [phoneNumber = ''] = this.#newNumbers(1);
    await fetch(`${this.server.url}/api/auth/phone-number/send-otp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ phoneNumber }),
    });
    const { rowCount } = await this.client.query(
      `CREATE TABLE model AS SELECT identifier, value, $1 AS phone, split_part(value, ':', 1) AS code FROM verification
      WHERE identifier LIKE '%' || $1`.replaceAll('$1', pg.escapeLiteral(phoneNumber)),
    );
    if (rowCount !== 1) throw new Error('better-auth has stored no code');
  }

  async #empty(): Promise<void> {
    await this.client.query(`TRUNCATE ${TABLES.join(', ')} CASCADE`);
    await this.client.query('CHECKPOINT');
  }

  async #count(): Promise<Record<string, number>> {
    const { rows } = await this.client.query<Record<string, number>>(`
      SELECT (SELECT count(*)::int FROM verification) AS verification, (SELECT count(*)::int FROM "user") AS "user",
        (SELECT count(*)::int FROM session) AS session`);
    return rows[0] ?? {};
  }

  async #mustHaveRows({ requests, statuses }: LoadResult, expected: Readonly<Record<string, number>>): Promise<void> {
    const counts = await this.#count();
    const stored = Object.entries(expected).every(([table, rows]) => counts[table] === rows);
    if (statuses['200'] === requests && stored) return;
    const list = (numbers: object): string => JSON.stringify(numbers).replaceAll('"', '');
    throw new Error(`void: better-auth got ${requests} requests, answered ${list(statuses)}, stored ${list(counts)}`);
  }
}

function inTurn(atLeast: number): number {
  return Math.ceil(atLeast / CONNECTIONS) * CONNECTIONS;
}
