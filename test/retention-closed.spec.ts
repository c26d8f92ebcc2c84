import { beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { Config } from '../src/config.js';
import { PurgeClosed, PurgeClosedHandler } from '../src/retention/purge-closed.js';
import { PURGE_CONTACTS, PURGE_DELIVERIES } from '../src/retention/retention.sql.js';
import { useDatabase } from './support/database.js';
import { insertMany, type Many, statementsOn } from './support/many-agreements.js';
import { startService } from './support/service.js';
import { until } from './support/until.js';

const HOUR = 3_600;
const DAY = 24 * HOUR;
const ago = (seconds: number) => `now() - interval '${seconds} seconds'`;
const CLOSED = ['rejected', 'expired', 'cancelled', 'withdrawn'] as const;

describe('what is closed', () => {
  const database = useDatabase();

  beforeEach(async () => {
    for (const table of ['agreement', 'send', 'send_try', 'sandbox_message', 'sweep']) {
      await database.query(`DELETE FROM ${table}`);
    }
    await database.query(`INSERT INTO sweep (name, watermark) VALUES ('expiry', now())`);
  });

  /** Of one process, or of another where it is made anew; contacts are kept a day, deliveries an hour. */
  function sweeper(connection: Pick<typeof database, 'query'> = database) {
    const config = { retention: { contact: DAY * 1000, delivery: HOUR * 1000 } } as Config;
    const handler = new PurgeClosedHandler(config, statementsOn(connection));
    return {
      contacts: () => handler.execute(new PurgeClosed('contacts')),
      deliveries: () => handler.execute(new PurgeClosed('deliveries')),
    };
  }

  const insert = (many: Partial<Many>) => insertMany(database, { count: 1, status: 'cancelled', ...many });
  const count = async (from: string) => {
    const [row] = await database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${from}`);
    return row?.n ?? NaN;
  };
  const contacts = () => count('agreement WHERE contact IS NOT NULL');
  const rows = async () => [await count('send'), await count('send_try'), await count('sandbox_message')];
  const watermark = async (name: string) => {
    const [row] = await database.query<{ ago: number }>(
      `SELECT extract(epoch FROM now() - watermark)::float8 AS ago FROM sweep WHERE name = $1 AND isfinite(watermark)`,
      [name],
    );
    return row?.ago;
  };

  it.each(CLOSED)('loses the contact of who %s it, and nothing else', async (status) => {
    const [reference] = await insert({ status, closedAt: ago(DAY) });
    const [before] = await database.query('SELECT * FROM agreement');
    expect(before).toMatchObject({
      contact: '+79160000001',
      subject_ip: '203.0.113.7',
      subject_user_agent: 'Mozilla/5.0',
    });

    expect(await sweeper().contacts()).toBe(1);

    const [after] = await database.query('SELECT * FROM agreement WHERE reference = $1', [reference]);
    expect(after).toEqual({ ...before, contact: null, subject_ip: null, subject_user_agent: null });
    expect(await rows()).toEqual([1, 1, 1]);
  });

  it('keeps its contact to the second', async () => {
    await insert({ closedAt: ago(DAY - 1) });
    expect(await sweeper().contacts()).toBe(0);
    expect(await contacts()).toBe(1);
    await database.query(`UPDATE agreement SET closed_at = ${ago(DAY + 1)}`);
    expect(await sweeper().contacts()).toBe(1);
    expect(await contacts()).toBe(0);
  });

  it('loses what became of its texts, to the second too', async () => {
    await insert({ closedAt: ago(HOUR - 1) });
    await insert({ closedAt: ago(HOUR + 1) });
    expect(await sweeper().deliveries()).toBe(1);
    expect(await rows()).toEqual([1, 1, 1]);
    expect(await contacts()).toBe(2);
  });

  it('is neither what is confirmed nor what is pending, however old', async () => {
    await insert({ status: 'confirmed', madeAgo: 1_000 * DAY });
    await insert({ status: 'pending', madeAgo: 1_000 * DAY });
    expect([await sweeper().contacts(), await sweeper().deliveries()]).toEqual([0, 0]);
    expect([await contacts(), ...(await rows())]).toEqual([2, 2, 2, 2]);
  });

  it('keeps a send that is still to be sent until it has ended', async () => {
    await insert({ closedAt: ago(DAY) });
    await database.query(`UPDATE send SET state = 'queued'`);
    expect(await sweeper().deliveries()).toBe(0);
    expect(await rows()).toEqual([1, 1, 1]);
    await database.query(`UPDATE send SET state = 'failed'`);
    expect(await sweeper().deliveries()).toBe(1);
    expect(await rows()).toEqual([0, 0, 0]);
  });

  it('is purged by several at once, each row by one of them', async () => {
    await insert({ count: 3_000, closedAt: ago(2 * DAY) });
    const clients = [new pg.Client(database.url), new pg.Client(database.url)];
    await Promise.all(clients.map((client) => client.connect()));
    const sweepers = clients.map((client) =>
      sweeper({ query: async (text, values) => (await client.query(text, values)).rows }),
    );
    const purged = await Promise.all(sweepers.map(({ contacts }) => contacts()));
    await Promise.all(clients.map((client) => client.end()));
    expect(purged[0]! + purged[1]!).toBe(3_000);
    expect(await contacts()).toBe(0);
  });

  it('is left out while somebody has it in hand, does not hold up the others, and is not forgotten', async () => {
    const references = await insert({ count: 1_200, closedAt: ago(2 * DAY) });
    const other = new pg.Client(database.url);
    await other.connect();
    await other.query('BEGIN');
    await other.query('SELECT FROM agreement WHERE reference = $1 FOR UPDATE', [references[0]]);
    await other.query('SELECT FROM send WHERE reference = $1 FOR UPDATE', [references[0]]);
    const first = sweeper();
    expect([await first.contacts(), await first.deliveries()]).toEqual([1_199, 1_199]);
    expect(
      [await watermark('contacts'), await watermark('deliveries')].map((ago) => (ago ?? Infinity) > 2 * DAY),
    ).toEqual([true, true]);
    await other.query('COMMIT');
    await other.end();
    // Another process knows only what the database knows.
    expect([await sweeper().contacts(), await sweeper().deliveries()]).toEqual([1, 1]);
    expect([await contacts(), ...(await rows())]).toEqual([0, 0, 0, 0]);
  });

  it('is not walked through again, but for the last minute and what expiry has not reached', async () => {
    await insert({ closedAt: ago(3 * DAY) });
    await sweeper().contacts();
    expect(await watermark('contacts')).toBeGreaterThanOrEqual(DAY + 60);
    expect(await watermark('contacts')).toBeLessThan(DAY + 70);

    await database.query(`UPDATE sweep SET watermark = ${ago(10 * DAY)} WHERE name = 'expiry'`);
    await database.query(`DELETE FROM sweep WHERE name = 'contacts'`);
    await sweeper().contacts();
    // Written down only now, as after a long outage of all workers.
    await insert({ status: 'expired', closedAt: ago(5 * DAY) });
    expect(await sweeper().contacts()).toBe(1);
  });

  it.each([
    ['contacts', PURGE_CONTACTS],
    ['deliveries', PURGE_DELIVERIES],
  ])('is found by its index: %s', async (_, { text }) => {
    await insert({ count: 2_000, status: 'confirmed' });
    await insert({ count: 50, closedAt: ago(2 * DAY) });
    await database.query('ANALYZE agreement, send, send_try, sandbox_message');
    await database.query(`SET plan_cache_mode = force_generic_plan`);
    await database.query(`PREPARE purge AS ${text}`);
    const plan = JSON.stringify(
      await database.query(`EXPLAIN EXECUTE purge ('-infinity', '00000000-0000-0000-0000-000000000000', 1, 500)`),
    );
    await database.query(`DEALLOCATE purge`);
    await database.query(`RESET plan_cache_mode`);
    expect(plan).toContain('using agreement_closed_at');
    expect(plan).not.toContain('Seq Scan on agreement');
  });

  it('is purged by the service by itself, which says how much, and shows no number any more', async () => {
    const [reference] = await insert({ closedAt: ago(2 * DAY) });
    const settings = { RETENTION_CONTACT: String(DAY), RETENTION_DELIVERY: String(DAY) };
    const service = await startService(database, settings);
    await until('it is purged', async () => (await contacts()) + (await count('send')) === 0);
    const said = (text: string) => service.log.some((line) => line.includes(text) && line.includes('"count":1'));
    await until('it says so', () => said('contacts purged') && said('deliveries purged'));
    const { status, body } = await service.api.get(`/v1/agreement/${reference}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ phone: null, status: 'cancelled', id_hash: 'somebody', metadata: { order: '1042' } });
    await service.stop();
  });
});
