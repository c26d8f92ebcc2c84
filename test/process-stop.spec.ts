import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, codeIn, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { answers, SmsServer } from './support/sms-server.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { until } from './support/until.js';

const CLEAN = { code: 0, signal: null };

describe('SIGTERM', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let provider: SmsServer;
  beforeAll(async () => {
    provider = await SmsServer.start();
  });
  afterAll(() => provider.stop());

  const start = async (env: Record<string, string>) =>
    (await processes.start(testEnvironment(database, { ...provider.environment, ...env }))).ready();

  async function secondsToStop(service: ServiceProcess): Promise<number> {
    const asked = performance.now();
    expect(await service.stop()).toEqual(CLEAN);
    return (performance.now() - asked) / 1000;
  }

  it('under load costs no request: not ready at once, still serving for SHUTDOWN_DELAY, then exit 0', async () => {
    const service = await start({ SHUTDOWN_DELAY: '1' });
    const given: Answer[] = [];
    let inUse = true;
    const balancer = until('not ready', async () => (await service.api.get('/health/ready')).status === 503);
    const load = Array.from({ length: 8 }, async () => {
      while (inUse) given.push(await service.api.create());
    });
    await until('the service is busy', () => given.length > 100);
    service.signal('SIGTERM');
    const asked = performance.now();
    await balancer;
    await until('most of the delay is over', () => performance.now() - asked > 800);
    const whileStopping = await service.api.create();
    inUse = false;
    await Promise.all(load);

    expect(whileStopping.status).toBe(201);
    expect(whileStopping.headers.get('connection')).toBe('close');
    expect(await service.end()).toEqual(CLEAN);
    expect(given.filter(({ status }) => status !== 201)).toEqual([]);
    const [stored] = await database.query('SELECT count(*)::int AS n FROM agreement');
    expect(stored).toEqual({ n: given.length + 1 });
  });

  it('waits for the requests in hand and not for what their clients may ask next', async () => {
    const service = await start({});
    // What is still sent for the test before would take all connections, to wait for the lock on them.
    await until('nothing is to be sent', async () => {
      const left = `SELECT FROM outbox UNION ALL SELECT FROM send WHERE state = 'queued'`;
      return (await database.query(left)).length === 0;
    });
    await database.query('BEGIN');
    await database.query('LOCK TABLE agreement');
    const inHand = [service.api.create(), service.api.create()];
    await until('they are in hand', async () => (await database.waiting('RowExclusiveLock')) > 0);
    service.signal('SIGTERM');
    await until('it is stopping', () => service.log.some(({ msg }) => msg === 'stopping'));
    await database.query('COMMIT');
    const given = await Promise.all(inHand);
    expect(given.map(({ status }) => status)).toEqual([201, 201]);
    expect(await service.end(5_000)).toEqual(CLEAN);
  });

  it('does not wait for a provider that hangs; the text goes out after the next start, the same one', async () => {
    const stopped = await start({ SMS_TIMEOUT: '60', SHUTDOWN_TIMEOUT: '2' });
    const phone = freshPhone();
    provider.willAnswer(phone, answers.hang);
    await stopped.api.create({ phone });
    await provider.received(phone);
    expect(await secondsToStop(stopped)).toBeLessThan(3);

    const next = await start({});
    const [first, second] = await provider.received(phone, 2);
    expect(second?.body).toEqual(first?.body);
    expect(codeIn(second?.body.text ?? '')).toMatch(/^\d{6}$/);
    await next.stop();
    expect(provider.to(phone)).toHaveLength(2);
  });

  it('does not wait for a database that does not answer any more', async () => {
    const { proxy, url } = await TcpProxy.before(database.url);
    await proxy.open();
    const service = await start({ DATABASE_URL: url, SHUTDOWN_TIMEOUT: '2' });
    proxy.freeze();
    expect(await secondsToStop(service)).toBeLessThan(3.5);
    await proxy.cut();
  });
});
