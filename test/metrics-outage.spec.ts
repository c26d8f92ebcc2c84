import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { type Scrape, startMeasured } from './support/metrics.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { until } from './support/until.js';

const LOOKED_UP = [
  'agreement_outbox_waiting_rows',
  'agreement_outbox_oldest_seconds',
  'agreement_outbox_parked_rows',
  'agreement_sends_waiting',
  'agreement_sends_retrying',
  'agreement_sends_oldest_due_seconds',
];

const database = useDatabase();
type Measured = Awaited<ReturnType<typeof startMeasured>>;

/** Waits for a scrape of which this is true; each until then must come within two seconds. */
async function scraped(service: Measured, what: string, condition: (scrape: Scrape) => boolean): Promise<Scrape> {
  let slowest = 0;
  const found = await until(
    what,
    async () => {
      const askedAt = performance.now();
      const scrape = await service.scrape();
      slowest = Math.max(slowest, performance.now() - askedAt);
      return condition(scrape) ? scrape : undefined;
    },
    15_000,
  );
  expect(slowest).toBeLessThan(2_000);
  return found;
}

const knows = (scrape: Scrape) => LOOKED_UP.filter((name) => scrape.value(name) !== undefined);

describe('while PostgreSQL is away', () => {
  let proxy: TcpProxy;
  let service: Measured;
  beforeAll(async () => {
    const by = await TcpProxy.before(database.url);
    proxy = by.proxy;
    await proxy.open();
    service = await startMeasured(database, { DATABASE_URL: by.url });
  });
  afterAll(() => proxy.cut());

  const isBack = (scrape: Scrape) => scrape.value('agreement_database_up') === 1 && knows(scrape).length > 5;
  const isAway = (scrape: Scrape) => scrape.value('agreement_database_up') === 0 && knows(scrape).length === 0;

  it('a scrape is answered, without what only the database knows, and has it again afterwards', async () => {
    const before = await scraped(service, 'all is known', isBack);
    expect(before.value('agreement_ready')).toBe(1);
    await proxy.cut();
    const away = await scraped(service, 'it is noticed', isAway);
    expect(away.value('agreement_ready')).toBe(0);
    expect(away.value('process_resident_memory_bytes')).toBeGreaterThan(0);
    expect(away.value('agreement_database_pool_connections')).toBeDefined();
    expect(away.value('agreement_scrape_gaps_total')).toBeGreaterThan(before.value('agreement_scrape_gaps_total') ?? 0);
    await proxy.open();
    await scraped(service, 'all is known again', isBack);
  }, 40_000);

  it('so it is where connections stay open and nothing comes through', async () => {
    proxy.freeze();
    await scraped(service, 'it is noticed', isAway);
    proxy.thaw();
    await scraped(service, 'all is known again', isBack);
  }, 40_000);
});

describe('a table that somebody has locked', () => {
  it('costs its own numbers and no connection for longer than a second', async () => {
    const service = await startMeasured(database);
    await scraped(service, 'all is known', (scrape) => knows(scrape).length === LOOKED_UP.length);
    await database.query('BEGIN');
    await database.query('LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE');
    const locked = await scraped(service, 'the outbox is not known', (scrape) => knows(scrape).length === 3);
    expect(locked.value('agreement_outbox_oldest_seconds')).toBeUndefined();
    expect(locked.value('agreement_database_up')).toBe(1);
    expect(locked.value('agreement_sends_waiting')).toBe(0);
    const looking = `SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active' AND query LIKE '%parked%FILTER%'`;
    await until(
      'the server has given up too',
      async () => (await database.query<{ n: number }>(looking))[0]?.n === 0,
      2_000,
    );
    await database.query('COMMIT');
    await service.stop();
  }, 40_000);
});

describe('a pool that is too small', () => {
  it('shows how many wait for a connection, and for how long they waited', async () => {
    const service = await startMeasured(database, { DATABASE_POOL_SIZE: '1', LOG_LEVEL: 'silent' });
    await database.query('BEGIN');
    await database.query('LOCK TABLE agreement');
    const inHand = Array.from({ length: 3 }, () => service.api.get('/v1/agreement'));
    await until('one is in hand', async () => (await database.waiting()) > 0);
    const busy = await scraped(
      service,
      'two wait',
      (scrape) => Number(scrape.value('agreement_database_pool_waiting')) >= 2,
    );
    expect(busy.value('agreement_database_pool_connections')).toBe(1);
    expect(busy.value('agreement_database_pool_idle_connections')).toBe(0);
    await database.query('COMMIT');
    await Promise.all(inHand);
    const { text } = await service.scrape();
    const quick = /^agreement_database_pool_wait_seconds_bucket\{le="0.05"\} (\d+)$/m.exec(text)?.[1];
    const all = /^agreement_database_pool_wait_seconds_count (\d+)$/m.exec(text)?.[1];
    expect(Number(all)).toBeGreaterThan(Number(quick));
    await service.stop();
  });
});
