import { randomInt } from 'node:crypto';
import pg from 'pg';
import type { DueSend } from '../../src/limits/index.js';
import { serviceArm } from '../arms.js';
import type { BenchPostgres } from '../postgres.js';
import { type Built, LIBRARY_TABLE, phoneIn, PREFIXES } from './forms.js';

const CHUNK = 20_000;
const DAY = 86_400;

/** A database with the service's tables and the library's. */
export class LimitsDatabase {
  private constructor(
    private readonly built: Built,
    /** As two workers have them. */
    readonly pools: readonly [pg.Pool, pg.Pool],
  ) {}

  static async make(postgres: BenchPostgres, built: Built): Promise<LimitsDatabase> {
    const url = await postgres.createDatabase('bench_limits');
    await serviceArm('ours').prepare(url);
    const pools = [pool(url), pool(url)] as const;
    await pools[0].query(LIBRARY_TABLE);
    return new LimitsDatabase(built, pools);
  }

  get pool(): pg.Pool {
    return this.pools[0];
  }

  /** As it is after so many sends within a day, two of three confirmed; everything else is gone. */
  async fill(rows: number): Promise<void> {
    await this.pool.query('TRUNCATE limit_entry, limit_hold, agreement, limiter');
    for (let from = 0; from < rows; from += CHUNK) await this.#fillSome(from, Math.min(rows, from + CHUNK), rows);
    await this.#fillLibrary();
    await this.pool.query('VACUUM ANALYZE limit_entry, agreement, limiter');
    await this.pool.query('CHECKPOINT');
  }

  /** As the requests leave it: a row for each, none of them taken. */
  async expect(sends: readonly DueSend[]): Promise<void> {
    const keys = sends.map(({ contact }) => this.built.ring.of(contact?.reveal() ?? '', null, null));
    await this.pool.query(
      `INSERT INTO limit_entry (reference, generation, client, contact, prefix, country, at, taken)
       SELECT r, 1, 'shop', c, p, NULL, now(), false FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS t (r, c, p)`,
      [
        sends.map(({ reference }) => reference),
        keys.map(({ contact }) => contact[0]),
        keys.map(({ prefix }) => prefix[0]),
      ],
    );
    // What autovacuum does within a minute; here it is off.
    await this.pool.query('ANALYZE limit_entry, limiter');
  }

  /** Their agreements, pending or confirmed. */
  async agree(sends: readonly DueSend[], status: string): Promise<void> {
    await this.pool.query(`${AGREEMENT} SELECT r, $2, now() FROM unnest($1::uuid[]) AS r) AS new (r, status, at)`, [
      sends.map(({ reference }) => reference),
      status,
    ]);
  }

  /** What a round has left behind. */
  async clean(): Promise<void> {
    await this.pool.query(`DELETE FROM limit_entry WHERE client = 'shop'`);
    await this.pool.query('CHECKPOINT');
  }

  async end(): Promise<void> {
    await Promise.all(this.pools.map((each) => each.end()));
  }

  async #fillSome(from: number, to: number, rows: number): Promise<void> {
    const { ring } = this.built;
    const keys = Array.from({ length: to - from }, () => ring.of(phoneIn(randomInt(PREFIXES)), null, null));
    const filled = `
      SELECT (lpad(to_hex(n), 12, '0') || md5(n::text))::char(32)::uuid AS r, c, p,
        now() - make_interval(secs => $5::float8 * ($4::bigint - n) / $4::bigint) AS at,
        CASE WHEN n % 3 = 0 THEN 'pending' ELSE 'confirmed' END AS status
      FROM (SELECT $3::bigint + row_number() OVER () AS n, c, p FROM unnest($1::bigint[], $2::bigint[]) AS k (c, p)) s`;
    const values = [keys.map(({ contact }) => contact[0]), keys.map(({ prefix }) => prefix[0]), from, rows, DAY];
    await this.pool.query(
      `WITH filled AS (${filled}), entries AS (
         INSERT INTO limit_entry (reference, generation, client, contact, prefix, country, at, taken)
         SELECT r, 1, 'another', c, p, 'RU', at, true FROM filled
       )
       ${AGREEMENT} SELECT r, status, at FROM filled) AS new (r, status, at)`,
      values,
    );
  }

  async #fillLibrary(): Promise<void> {
    const rows = (name: string, key: string): string =>
      `SELECT '${name}:' || ${key}, count(*), (extract(epoch FROM now() + interval '1 day') * 1000)::bigint
       FROM limit_entry GROUP BY 1`;
    const names = [rows('own0', `client || '/' || contact`), rows('own1', `client || '/' || contact`)];
    for (const each of [...names, rows('all0', 'contact'), rows('prefix0', 'prefix')]) {
      await this.pool.query(`INSERT INTO limiter ${each}`);
    }
  }
}

const AGREEMENT = `
  INSERT INTO agreement (reference, client, id_hash, channel, contact, contact_hash, contact_key_id, country, document_id,
    document_version, document_sha256, locale, metadata, test, status, version, sequence, generation, requested_at,
    failures, created_at, expires_at)
  SELECT r, 'shop', md5(r::text), 'sms', '+79161234567', decode(md5(r::text), 'hex'), 'k', 'RU', 'privacy', '1',
    repeat('0', 64), 'ru', '{}', false, status, 1, 1, 1, at, 0, at, at + interval '1 day' FROM (`;

function pool(connectionString: string): pg.Pool {
  // The server is ended while it still closes its connections.
  return new pg.Pool({ connectionString, max: 30 }).on('error', () => undefined);
}
