import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { startMeasured } from './support/metrics.js';
import { startService } from './support/service.js';
import { answers } from './support/sms-server.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { freshGerman, TwoProviders } from './support/two-providers.js';
import { until } from './support/until.js';

const CONCURRENCY = 5;
const CALLS_OF_A_BREAKER = 5;

type Measured = Awaited<ReturnType<typeof startMeasured>>;

describe('a provider in trouble', () => {
  const database = useDatabase();
  let providers: TwoProviders;
  let proxy: TcpProxy;
  let service: Measured;
  let environment: Record<string, string>;
  beforeAll(async () => {
    providers = await TwoProviders.start();
    const between = await TcpProxy.before(providers.http.url);
    proxy = between.proxy;
    await proxy.open();
    const { environment: both } = providers;
    environment = { ...both, SMS_HTTP_URL: between.url, SMS_CONCURRENCY: String(CONCURRENCY), SMS_TIMEOUT: '3' };
  });
  afterEach(() => service.stop());
  afterAll(async () => {
    await proxy.cut();
    await providers.stop();
  });

  async function start(env: Record<string, string> = {}): Promise<void> {
    service = await startMeasured(database, { ...environment, ...env });
  }

  /** Asks for somebody whom both providers would text. */
  async function create(phone: string): Promise<{ phone: string; reference: string }> {
    providers.treats('twilio', phone);
    const { body } = await service.api.create({ phone });
    return { phone, reference: String(body['reference']) };
  }

  const many = (count: number, phoneOf: () => string) =>
    Promise.all(Array.from({ length: count }, () => create(phoneOf())));

  const isSent = ({ reference }: { reference: string }) => service.api.until(reference, { delivery: 'sent' });

  it('that hangs is asked for so many texts at one time, and holds up nobody who is texted by another one', async () => {
    await start();
    const stuck = Array.from({ length: 4 * CONCURRENCY }, () => freshPhone());
    for (const phone of stuck) providers.http.willAnswer(phone, answers.hang);
    await Promise.all(stuck.map(create));
    await until('it is full', () => providers.http.requests.length === CONCURRENCY);

    const asked = performance.now();
    const others = await many(10, freshGerman);
    await Promise.all(others.map(isSent));
    expect(performance.now() - asked).toBeLessThan(2_000);
    expect(others.map(({ phone }) => providers.told(phone))).toEqual(others.map(() => ['twilio accepted']));
    expect(providers.http.mostAtOnce).toBe(CONCURRENCY);
    await database.query(`UPDATE send SET state = 'failed' WHERE state = 'queued'`);
  });

  it('is avoided while the next one can help, tried again after a while, and then as before', async () => {
    await start();
    const unlucky = Array.from({ length: CALLS_OF_A_BREAKER }, () => freshPhone());
    for (const phone of unlucky)
      providers.http.willAnswer(phone, ...Array.from({ length: 9 }, () => answers.status(500)));
    const first = await Promise.all(unlucky.map(create));
    const avoided = (value: number) =>
      until(
        'the metric says so',
        async () => (await service.scrape()).value('agreement_provider_avoided', { provider: 'http' }) === value,
      );
    await avoided(1);
    // Those that it has failed wait for its next try no longer.
    await Promise.all(first.map(isSent));
    expect(first.map(({ phone }) => providers.twilio.to(phone).length)).toEqual(first.map(() => 1));

    const meanwhile = await many(10, freshPhone);
    await Promise.all(meanwhile.map(isSent));
    expect(meanwhile.map(({ phone }) => providers.told(phone))).toEqual(meanwhile.map(() => ['twilio accepted']));

    await until('it is asked again', async () => {
      const one = await create(freshPhone());
      await isSent(one);
      return providers.told(one.phone).join() === 'http accepted';
    });
    await avoided(0);
    const lines = service.log.map((line) => JSON.parse(line) as Record<string, unknown>);
    const said = lines.filter(({ msg }) => String(msg).startsWith('provider '));
    expect(said.map(({ provider, msg }) => `${String(provider)}: ${String(msg)}`)).toEqual([
      'http: provider in trouble; what can go to the next one goes there',
      'http: provider works again',
    ]);
  });

  it('that comes and goes costs nobody a text and brings nobody two', async () => {
    await start({ SMS_CONCURRENCY: '20' });
    const people: { phone: string; reference: string }[] = [];
    for (let round = 0; round < 8; round += 1) {
      if (round % 2 === 1) await proxy.cut();
      const some = await many(25, freshPhone);
      people.push(...some);
      // It is there before it goes for the first time.
      if (round === 0) await Promise.all(some.map(isSent));
      if (round % 2 === 1) await proxy.open();
    }
    expect(people).toHaveLength(200);
    const sent = `SELECT count(*)::int AS count FROM send WHERE state = 'sent' AND reference = ANY ($1)`;
    const references = people.map(({ reference }) => reference);
    await until('all are sent', async () => (await database.query(sent, [references]))[0]?.['count'] === 200, 30_000);
    const texts = people.map(({ phone }) => {
      const { http, twilio } = providers;
      // A repeat of an id that it has seen is no second text of who keeps ids.
      return new Set(http.to(phone).map(({ body }) => body.id)).size + twilio.to(phone).length;
    });
    expect(texts.filter((count) => count !== 1)).toEqual([]);
    const byTwilio = people.filter(({ phone }) => providers.twilio.to(phone).length > 0);
    expect(byTwilio.length).toBeGreaterThan(0);
    expect(byTwilio.length).toBeLessThan(people.length);
  }, 60_000);

  it('or not, may have what was in hand when a process died: one that keeps no ids gets it once more and never again', async () => {
    const api = await startService(database, { ...environment, ROLES: 'api,relay,worker', SMS_PROVIDERS: 'http' });
    await start({ ROLES: 'api' });
    await api.stop();
    const [once, twice] = await Promise.all([queued(1), queued(2)]);
    await service.stop();
    await start();
    await isSent(once);
    await service.api.until(twice.reference, { delivery: 'failed', delivery_reason: 'unknown' });
    expect([providers.told(once.phone), providers.told(twice.phone)]).toEqual([['twilio accepted'], []]);
  });

  /** Somebody for whom so many calls of Twilio began, and nobody ever said how they ended. */
  async function queued(tries: number): Promise<{ phone: string; reference: string }> {
    const { phone, reference } = await create(freshGerman());
    const id = `INSERT INTO send (reference, generation, id, try, provider) VALUES ($1, 1, gen_random_uuid(), $2, 'twilio')`;
    await database.query(id, [reference, tries]);
    await database.query(
      `INSERT INTO send_try (reference, generation, try, provider) SELECT $1, 1, n, 'twilio' FROM generate_series(1, $2::int) n`,
      [reference, tries],
    );
    return { phone, reference };
  }
});
