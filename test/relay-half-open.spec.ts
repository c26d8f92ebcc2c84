import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { OutboxEvents, outOfOrder } from './support/outbox-events.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { TestRelay } from './support/test-relay.js';
import { until } from './support/until.js';

/** What a proxy stands before. */
const STRETCHES: [string, string[]][] = [
  ['its direct connection', ['DATABASE_DIRECT_URL']],
  ['all its connections', ['DATABASE_URL', 'DATABASE_DIRECT_URL']],
];

/** Of relays that lead or campaign. */
const SESSIONS = `
  SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'agreement-service direct'
    AND query !~ 'idle_session_timeout'`;

describe('a relay whose packets vanish in both directions', () => {
  const database = useDatabase();
  const events = new OutboxEvents(database);
  const relays: TestRelay[] = [];
  let proxy: TcpProxy;
  let url: string;

  beforeEach(async () => {
    await events.clear();
    ({ proxy, url } = await TcpProxy.before(database.url));
    await proxy.open();
  });

  afterEach(async () => {
    proxy.thaw();
    await Promise.all(relays.splice(0).map((relay) => relay.stop()));
    await proxy.cut();
  });

  async function start(behindProxy: readonly string[] = []): Promise<TestRelay> {
    const relay = await TestRelay.start(database, Object.fromEntries(behindProxy.map((name) => [name, url])));
    relays.push(relay);
    return relay;
  }

  async function leader(behindProxy: readonly string[]): Promise<TestRelay> {
    const relay = await start(behindProxy);
    await until('it leads', () => relay.leads);
    return relay;
  }

  async function published(): Promise<void> {
    await events.write();
    await until('everything is published', async () => (await events.waiting()) === 0);
  }

  it.each(STRETCHES)(
    'on %s is replaced within 5 s, does nothing beside its successor, and comes back by itself within 10 s',
    async (_, stretch) => {
      const old = await leader(stretch);
      const next = await start();
      await published();
      proxy.freeze();
      const frozenAt = performance.now();
      await until('the next one publishes', async () => {
        await events.write();
        old.wake();
        return next.published.length;
      });
      const [taken = 0] = next.changes;
      expect(taken - frozenAt).toBeLessThan(5_000);
      expect((old.published.at(-1)?.at ?? 0) - taken).toBeLessThan(0);

      proxy.thaw();
      const thawedAt = performance.now();
      await until('it campaigns again', async () => (await database.query(SESSIONS)).length === 2);
      expect(performance.now() - thawedAt).toBeLessThan(10_000);
      await next.stop();
      await until('it leads again', () => old.leads, 2_500);
      await published();
      expect(outOfOrder([...old.published, ...next.published])).toEqual([]);
    },
  );

  it.each<[string, string, string[], 'thaw' | 'abandon']>([
    ['its direct connection', 'as before', ['DATABASE_DIRECT_URL'], 'thaw'],
    ['all its connections', 'as before', ['DATABASE_URL', 'DATABASE_DIRECT_URL'], 'thaw'],
    ['all its connections', 'on new ones only', ['DATABASE_URL', 'DATABASE_DIRECT_URL'], 'abandon'],
  ])('on %s leads again within 10 s after they come through %s', async (_stretch, _how, stretch, end) => {
    const only = await leader(stretch);
    await published();
    proxy.freeze();
    await until('it gave up', () => !only.leads);
    proxy[end]();
    const endedAt = performance.now();
    await events.write();
    await until('it leads again', async () => only.leads && (await events.waiting()) === 0);
    expect(performance.now() - endedAt).toBeLessThan(10_000);
  });

  it('stops all the same: as a leader', async () => {
    const relay = await leader(['DATABASE_DIRECT_URL']);
    proxy.freeze();
    expect(await relay.stopRelay()).toBeLessThan(1_500);
  });

  it.each([
    ['a leader in the middle of its beat', 1],
    ['one that waits to lead, in the middle of asking', 2],
  ])('stops all the same: as %s', async (_, place) => {
    if (place === 2) await leader([]);
    const relay = await start(['DATABASE_DIRECT_URL']);
    await until('it has its session', async () => (await database.query(SESSIONS)).length === place);
    proxy.freeze();
    const frozenAt = performance.now();
    await until('its next statement is on its way', () => performance.now() - frozenAt > 1_600);
    expect(await relay.stopRelay()).toBeLessThan(2_500);
  });

  it('stops all the same: as one that cannot connect', async () => {
    proxy.freeze();
    const relay = await start(['DATABASE_DIRECT_URL']);
    expect(await relay.stopRelay()).toBeLessThan(2_500);
  });
});
