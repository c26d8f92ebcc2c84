import { randomInt, randomUUID } from 'node:crypto';
import pg from 'pg';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import type { Config } from '../../src/config.js';
import type { Query } from '../../src/database/index.js';
import type { DueSend } from '../../src/limits/index.js';
import type { Secret } from '../../src/secret.js';

type Limits = Config['limits'];

/** One way to let sends through. */
export interface Form {
  readonly name: string;
  /** @returns those that may go out */
  admit(sends: readonly DueSend[]): Promise<readonly DueSend[]>;
}

const SECRET = Buffer.alloc(32, 7);
const CLIENT = 'shop';
export const PREFIXES = 1000;

/** A send to a random number in one of the first so many of the prefixes. */
export function anySend(prefixes = PREFIXES): DueSend {
  return sendTo(phoneIn(randomInt(prefixes)));
}

export function sendTo(contact: string): DueSend {
  return {
    reference: randomUUID(),
    generation: 1,
    client: CLIENT,
    contact: { reveal: () => contact } as Secret<string>,
    country: 'RU',
    address: null,
  };
}

/** A random number with this prefix, of 0 to 999. */
export function phoneIn(prefix: number): string {
  return `+7916${String(prefix).padStart(3, '0')}${String(randomInt(10_000)).padStart(4, '0')}`;
}

/** As a configuration has them; only what is said differs from nothing being limited. */
export function limitsOf(some: Partial<Limits>): Limits {
  const guard = { minSends: 1_000_000, minConversion: 0.05, window: 3_600_000, countries: false };
  return { ...{ phone: [], phoneAll: [], prefix: [], country: [], client: [], address: [], guard }, ...some };
}

/** Of the service as it is built. */
export async function loadLimits() {
  const built = (path: string): string => new URL(`../../dist/limits/${path}`, import.meta.url).href;
  const { SendLimits } = (await import(built('send-limits.js'))) as typeof import('../../src/limits/send-limits.js');
  const { LimitKeyRing } = (await import(built('limit-keys.js'))) as typeof import('../../src/limits/limit-keys.js');
  const sql = (await import(built('limits.sql.js'))) as typeof import('../../src/limits/limits.sql.js');
  return { SendLimits, ring: new LimitKeyRing([{ secret: SECRET }]), sql };
}

export type Built = Awaited<ReturnType<typeof loadLimits>>;

/** The service's own: it locks, then counts, then takes, in one transaction with the claim. */
export function ours(built: Built, pool: pg.Pool, limits: Limits): Form {
  const silent = { warn: () => undefined, inc: () => undefined };
  const config = { limits, contactKeys: [{ secret: { reveal: () => SECRET } }] };
  const made = new built.SendLimits(config as any, silent as any, undefined as any, { limitHits: silent } as any);
  return {
    name: 'ours',
    admit: (sends) =>
      transaction(pool, async (query) => {
        const refused = await made.take(query, sends);
        return sends.filter((send) => !refused.has(send));
      }),
  };
}

/** The library, which counts each key by itself. @param pool what its table is in, made beforehand */
export function library(built: Built, pool: pg.Pool, limits: Limits): Form {
  const windows = [
    ...limits.phone.map((window, n) => ({ ...window, name: `own${n}`, scope: 'contact' as const })),
    ...limits.phoneAll.map((window, n) => ({ ...window, name: `all${n}`, scope: 'contact' as const })),
    ...limits.prefix.map((window, n) => ({ ...window, name: `prefix${n}`, scope: 'prefix' as const })),
  ];
  const limiters = windows.map(({ max, within, name, scope }) => {
    const options = { storeClient: pool, storeType: 'pool', tableName: TABLE, tableCreated: true };
    const timing = { clearExpiredByTimeout: false, points: max, duration: within / 1000, keyPrefix: name };
    return { scope, name, limiter: new RateLimiterPostgres({ ...options, ...timing }) };
  });
  const admit = async (send: DueSend): Promise<boolean> => {
    const keys = built.ring.of(send.contact?.reveal() ?? '', null, null);
    const consumed = limiters.map(({ limiter, scope, name }) =>
      limiter.consume(name.startsWith('own') ? `${send.client}/${keys[scope][0]}` : (keys[scope][0] ?? '')),
    );
    const results = await Promise.allSettled(consumed);
    return results.every((result) => {
      if (result.status === 'rejected' && !(result.reason instanceof RateLimiterRes)) throw result.reason;
      return result.status === 'fulfilled';
    });
  };
  return {
    name: 'rate-limiter-flexible',
    admit: async (sends) => {
      const passed = await Promise.all(sends.map(admit));
      return sends.filter((_, index) => passed[index]);
    },
  };
}

const TABLE = 'limiter';

/** The library's own table, as it would make it. */
export const LIBRARY_TABLE = `
  CREATE TABLE ${TABLE} (key varchar(255) PRIMARY KEY, points integer NOT NULL DEFAULT 0, expire bigint)`;

const INSERT_WHERE = (locked: string, from: string): string => `
  ${locked}
  INSERT INTO limit_entry (reference, generation, client, contact, at, taken)
  SELECT $1::uuid, 1, 'shop', $2::bigint, now(), true ${from}
  WHERE (SELECT count(*) FROM limit_entry WHERE contact = $2 AND taken AND at > now() - make_interval(secs => $3)) < $4
  RETURNING reference`;

/** Counting in the statement that takes. */
export const COUNT_AND_TAKE = INSERT_WHERE('', '');

/** The same behind a lock that it takes itself. */
export const LOCK_COUNT_AND_TAKE = INSERT_WHERE(
  'WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock($2::bigint))',
  'FROM locked',
);

/** One statement for one send under its phone alone. */
export function oneStatement(built: Built, pool: pg.Pool, name: string, text: string, limits: Limits): Form {
  const { max, within } = limits.phone[0]!;
  const admit = async (send: DueSend): Promise<boolean> => {
    const values = [send.reference, built.ring.contact(send.contact?.reveal() ?? '')[0], within / 1000, max];
    return (await pool.query({ name: `bench_${text.length}`, text, values })).rows.length > 0;
  };
  return {
    name,
    admit: async (sends) => {
      const passed = await Promise.all(sends.map(admit));
      return sends.filter((_, index) => passed[index]);
    },
  };
}

async function transaction<T>(pool: pg.Pool, work: (query: Query) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(
      async <R extends object>(statement: { name: string; text: string }, values: readonly unknown[]) =>
        (await client.query<R>({ ...statement, values: [...values] })).rows,
    );
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}
