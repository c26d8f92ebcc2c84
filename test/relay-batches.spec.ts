import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { NEXT } from '../src/outbox/outbox.sql.js';
import { useDatabase } from './support/database.js';
import { OutboxEvents, outOfOrder } from './support/outbox-events.js';
import { TestRelay } from './support/test-relay.js';
import { until } from './support/until.js';

const MIB = 1024 * 1024;

describe('what the relay takes at once', () => {
  const database = useDatabase();
  const events = new OutboxEvents(database);

  it('is bounded in bytes, whatever the alphabet', async () => {
    for (let n = 0; n < 50; n += 1) await events.write();
    // Two bytes for each letter.
    await database.query(`UPDATE outbox SET payload = jsonb_build_object('filler', repeat('ё', 20000))`);
    const relay = await TestRelay.start(database);
    await until('the outbox is empty', async () => (await events.waiting()) === 0);
    expect(relay.published).toHaveLength(50);
    const sizes = relay.batches.map((batch) => Buffer.byteLength(batch.map(({ payload }) => payload).join()));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MIB / 2);
    expect(sizes).toHaveLength(Math.ceil(50 / 13));
    await relay.stop();
  });

  it('is one event where that is larger than all bounds, and the others go on', async () => {
    const references = Array.from({ length: 4 }, () => randomUUID());
    for (const size of [10, 3 * MIB, 10, 2 * MIB, 2 * MIB, 10]) await events.write(references, size);
    const relay = await TestRelay.start(database);
    await until('the outbox is empty', async () => (await events.waiting()) === 0);
    expect(outOfOrder(relay.published)).toEqual([]);
    expect(relay.batches.map((batch) => batch.length)).toEqual([4, ...Array(4).fill(1), 4, ...Array(8).fill(1), 4]);
    await relay.stop();
  });
});

describe('a backlog', () => {
  const database = useDatabase();
  const name = new URL(database.url).pathname.slice(1);

  async function withClient<T>(url: string | undefined, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client(url);
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  it('is read a batch at a time, in its order, also by a plan that was made while there was none', async () => {
    await withClient(database.url, async (client) => {
      // As the service sets its sessions, and as PostgreSQL plans what it has run five times.
      await client.query(`SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; BEGIN; ${NEXT.settings}`);
      await client.query(`PREPARE next AS ${NEXT.text}`);
      const next = `EXECUTE next(0, 500, 524288, '{}')`;
      await client.query(next);
      await client.query(`
        INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at, traceparent)
        SELECT gen_random_uuid(), 'agreement', gen_random_uuid(), 't', '{}', 'shop', false, 1, now(), 'trace'
        FROM generate_series(1, 20000)`);
      const { rows } = await client.query<object>(`EXPLAIN (ANALYZE, FORMAT JSON) ${next}`);
      const read = [...JSON.stringify(rows).matchAll(/"Actual Rows":\s*(\d+)/g)].map(([, count]) => Number(count));
      expect(Math.max(...read)).toBe(500);
      await client.query('COMMIT');
    });
  });

  it('is read under the settings of the statement', async () => {
    const relay = await TestRelay.start(database);
    await until('all are published', () => relay.published.length === 20_000);
    await relay.stop();
    const set = await withClient(process.env['TEST_DATABASE_ADMIN_URL'], async (client) => {
      const { rows } = await client.query<{ calls: number }>(
        `SELECT sum(calls)::int AS calls FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
         WHERE d.datname = $1 AND query LIKE 'SET LOCAL enable_bitmapscan%'`,
        [name],
      );
      return rows[0]?.calls;
    });
    expect(set).toBeGreaterThanOrEqual(20_000 / 500);
  });
});

describe('an event that is committed after later ones were published', () => {
  const database = useDatabase();
  const events = new OutboxEvents(database);
  const LATE = 4_711;

  it('is still before the next one of its agreement, and does not wait for the safety poll', async () => {
    await database.query(`
      CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(${LATE}); RETURN NULL; END $$;
      CREATE TRIGGER wait_for_test AFTER INSERT ON outbox FOR EACH ROW
        WHEN (NEW.aggregateid = 'late') EXECUTE FUNCTION wait_for_test()`);
    const relay = await TestRelay.start(database);
    const other = await ofAnotherSession();
    const times: number[] = [];
    for (let round = 1; round <= 5; round += 1) {
      await database.query(`SELECT pg_advisory_lock(${LATE})`);
      const late = other.write(['late']);
      await until('it waits', async () => (await database.waiting()) === 1);
      for (let n = 0; n < 3; n += 1) {
        await events.write();
        await until('the later one is published', async () => (await events.waiting()) === 0);
      }
      await database.query(`SELECT pg_advisory_unlock(${LATE})`);
      await late;
      const committed = performance.now();
      await other.write(['late']);
      await until('both are published', () => relay.published.filter(isLate).length === 2 * round);
      times.push(performance.now() - committed);
    }
    expect(outOfOrder(relay.published)).toEqual([]);
    expect(Math.max(...times)).toBeLessThan(1_000);
    await relay.stop();
  });

  async function ofAnotherSession(): Promise<OutboxEvents> {
    const client = new pg.Client(database.url);
    await client.connect();
    database.onEnd(() => client.end());
    return new OutboxEvents({ query: async (text, values) => (await client.query(text, values)).rows });
  }

  const isLate = ({ reference }: { reference: string }) => reference === 'late';
});
