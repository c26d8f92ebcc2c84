import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { FORGET_CODES } from '../src/retention/retention.sql.js';
import { otherThan } from './support/api.js';
import { blocked } from './support/blocked.js';
import { useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { insertMany } from './support/many-agreements.js';
import { startService } from './support/service.js';
import { until } from './support/until.js';

const HOUR = 3_600;

describe('a code that has ended', () => {
  const database = useDatabase();
  const other = new pg.Client(database.url);
  let api: DocumentedApi;
  beforeAll(async () => {
    await other.connect();
    database.onEnd(() => other.end());
    const settings = { ROLES: 'api,relay,worker', OTP_TTL: '3', OTP_RESEND_INTERVAL: '0' };
    api = new DocumentedApi((await startService(database, settings)).url);
  });
  beforeEach(() => database.query('DELETE FROM agreement'));

  const forget = async (from = 24 * HOUR, to = 0, batch = 500) =>
    (await database.query(FORGET_CODES.text, [from, to, batch])).length;
  const seal = async (reference: string) => {
    const [row] = await database.query<{ code_nonce: Buffer | null; code_hash: Buffer | null }>(
      'SELECT code_nonce, code_hash FROM agreement WHERE reference = $1',
      [reference],
    );
    return row;
  };
  const NOTHING = { code_nonce: null, code_hash: null };
  const hasEnded = (reference: string) =>
    until('the code has ended', async () => {
      const rows = await database.query(`SELECT FROM agreement WHERE reference = $1 AND code_expires_at <= now()`, [
        reference,
      ]);
      return rows.length === 1;
    });

  it('leaves its row, and is expired all the same: right or wrong, no attempt spent', async () => {
    const { reference, code } = await api.createAndAwaitCode();
    await hasEnded(reference);
    const { body: before } = await api.get(`/v1/agreement/${reference}`);
    expect(await forget()).toBe(1);
    expect(await seal(reference)).toEqual(NOTHING);
    expect((await api.get(`/v1/agreement/${reference}`)).body).toEqual(before);
    for (const guess of [code, otherThan(code)]) {
      expect(await api.confirm(reference, guess)).toMatchObject({ status: 410, body: { code: 'code_expired' } });
    }
  });

  it('is followed by another one that works, after which the old one is wrong', async () => {
    const agreement = await api.createAndAwaitCode();
    await hasEnded(agreement.reference);
    await forget();
    const code = await api.resendAndAwaitCode(agreement);
    if (code !== agreement.code) {
      expect(await api.confirm(agreement.reference, agreement.code)).toMatchObject({ status: 422 });
    }
    expect((await api.confirm(agreement.reference, code)).status).toBe(200);
  });

  it('can be cancelled', async () => {
    const { reference } = await api.createAndAwaitCode();
    await hasEnded(reference);
    await forget();
    expect((await api.post(`/v1/agreement/${reference}/cancel`)).body).toMatchObject({ status: 'cancelled' });
  });

  it('is not written back by a request that had loaded it before', async () => {
    const { reference } = await api.createAndAwaitCode();
    await hasEnded(reference);
    await database.query('CREATE TABLE saved AS SELECT version, generation, code_nonce FROM agreement WITH NO DATA');
    await database.query(`
      CREATE FUNCTION note_saved() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN INSERT INTO saved VALUES (NEW.version, NEW.generation, NEW.code_nonce); RETURN NULL; END $$`);
    await database.query(`
      CREATE TRIGGER saved AFTER UPDATE ON agreement
      FOR EACH ROW WHEN (OLD.generation < NEW.generation) EXECUTE FUNCTION note_saved()`);
    await other.query('BEGIN');
    expect((await other.query(FORGET_CODES.text, [HOUR, 0, 500])).rowCount).toBe(1);
    const resent = api.post(`/v1/agreement/${reference}/resend`);
    await until('the resend waits to save what it has loaded', async () => (await blocked(database)) > 0);
    await other.query('COMMIT');
    expect((await resent).status).toBe(202);
    // Before the new code is issued, the row has what was left of the old one.
    const [saved] = await database.query('SELECT generation, code_nonce FROM saved ORDER BY version LIMIT 1');
    expect(saved).toEqual({ generation: 2, code_nonce: null });
  });

  it('is forgotten to the second, and only while its agreement is pending and its stretch is walked', async () => {
    await insertMany(database, { count: 1, status: 'pending', codeEndedAgo: -1 });
    expect(await forget()).toBe(0);
    await database.query(`UPDATE agreement SET code_expires_at = now() - interval '1 second'`);
    expect(await forget(HOUR, 0)).toBe(0);
    expect(await forget(3 * HOUR, HOUR)).toBe(1);
    expect(await forget(3 * HOUR, HOUR)).toBe(0);
  });

  it('is left to the next sweep where somebody has its row in hand, and does not hold up the others', async () => {
    const [locked] = await insertMany(database, { count: 3, status: 'pending', codeEndedAgo: 1 });
    await other.query('BEGIN');
    await other.query('SELECT FROM agreement WHERE reference = $1 FOR UPDATE', [locked]);
    expect(await forget()).toBe(2);
    await other.query('COMMIT');
    expect(await forget()).toBe(1);
  });

  it('stays for a while where a release that cannot do without it has made agreements', async () => {
    await insertMany(database, { count: 1, status: 'pending', codeEndedAgo: 1 });
    await database.query(`INSERT INTO sweep VALUES ('codes not before', now() + interval '1 second')`);
    expect(await forget()).toBe(0);
    await database.query(`UPDATE sweep SET watermark = now() WHERE name = 'codes not before'`);
    expect(await forget()).toBe(1);
  });

  it('is found by when its agreement was made, on an index', async () => {
    await insertMany(database, { count: 2_000, status: 'pending', codeEndedAgo: 1, madeAgo: 90 * HOUR });
    await insertMany(database, { count: 20, status: 'pending', codeEndedAgo: 1 });
    await database.query('ANALYZE agreement');
    const plan = JSON.stringify(await database.query(`EXPLAIN ${FORGET_CODES.text}`, [3 * HOUR, HOUR, 500]));
    expect(plan).toMatch(/Index Scan using agreement_(pkey|client) .*?Index Cond: \(\(reference >= /);
    expect(plan).not.toContain('Seq Scan on agreement');
  });

  it('is forgotten by a service by itself, with a line in its log', async () => {
    const [reference = ''] = await insertMany(database, { count: 1, status: 'pending', codeEndedAgo: 1 });
    const service = await startService(database);
    await until('it is forgotten', async () => (await seal(reference))?.code_nonce === null);
    await until('it says so', () => service.log.some((line) => line.includes('ended codes forgotten')));
    await service.stop();
  });
});
