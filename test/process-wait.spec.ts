import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { until } from './support/until.js';

const POOL = 4;

describe('a database that is away', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let proxy: TcpProxy;
  let service: ServiceProcess;

  beforeAll(async () => {
    const proxied = await TcpProxy.before(database.url);
    proxy = proxied.proxy;
    const env = { DATABASE_URL: proxied.url, DATABASE_POOL_SIZE: String(POOL), MIGRATE: 'true' };
    service = await processes.start(testEnvironment(database, env));
  });

  afterAll(() => proxy.cut());

  async function refusesAtOnce(): Promise<void> {
    const asked = performance.now();
    const refused = await service.api.create();
    expect(performance.now() - asked).toBeLessThan(2_000);
    expectUnavailable(refused);
    expect((await service.api.get('/health/live')).status).toBe(200);
    expect(await service.api.get('/health/ready')).toMatchObject({ status: 503, body: { waiting_for: ['database'] } });
  }

  /** The whole walk, in less than 10 s. */
  async function worksAgain(): Promise<void> {
    await service.ready(10_000);
    const phone = freshPhone();
    const { body } = await service.api.create({ phone });
    const code = await service.api.codeSentTo(phone);
    expect(await service.api.confirm(body['reference'], code)).toMatchObject({ status: 200 });
  }

  it('is waited for at the start: alive, not ready, and every request gets its 503 at once', async () => {
    await service.listens();
    await refusesAtOnce();
  });

  it('is waited for at the start also where connections are taken and nothing answers', async () => {
    await proxy.open();
    proxy.freeze();
    await refusesAtOnce();
    proxy.thaw();
    await worksAgain();
  });

  it('gives 503 when the network is cut, and the service recovers by itself', async () => {
    await proxy.cut();
    await refusesAtOnce();
    await proxy.open();
    await worksAgain();
  });

  it('is noticed when the network swallows everything, and the service recovers by itself', async () => {
    proxy.freeze();
    await until('not ready', async () => (await service.api.get('/health/ready')).status === 503, 2_000);
    expect((await service.api.get('/health/live')).status).toBe(200);
    proxy.thaw();
    await worksAgain();
  });

  it('may end every connection at once in the middle of work: 201 or 503, nothing else', async () => {
    const answers: Answer[] = [];
    let ending = true;
    const load = Array.from({ length: 4 }, async () => {
      while (ending || answers.length < 100) answers.push(await service.api.create());
    });
    for (let round = 0; round < 5; round += 1) {
      const before = answers.length;
      await until('work goes on', () => answers.length >= before + 20);
      await endConnections();
    }
    ending = false;
    await Promise.all(load);
    for (const answer of answers.filter(({ status }) => status !== 201)) expectUnavailable(answer);
    await worksAgain();
    expect(await connections()).toBeLessThanOrEqual(POOL + 1);
  });

  it('that is read-only for a while gives 503', async () => {
    const [row] = await database.query<{ name: string }>('SELECT current_database() AS name');
    const setting = `ALTER DATABASE ${row?.name} SET default_transaction_read_only`;
    await database.query(`${setting} = on`);
    await endConnections();
    await until('an answer of the read-only database', async () => {
      const answer = await service.api.create();
      expectUnavailable(answer);
      return service.log.length;
    });
    await database.query(`${setting} = off`);
    await endConnections();
    await worksAgain();
  });

  it('whose every connection is busy gives 503 in time, and loses no connection', async () => {
    await database.query('BEGIN');
    await database.query('LOCK TABLE agreement');
    const asked = performance.now();
    const blocked = Array.from({ length: POOL }, () => service.api.get('/v1/agreement'));
    await until('all connections wait', async () => (await database.waiting()) === POOL);
    for (const answer of [...blocked, service.api.get('/v1/agreement'), service.api.create()]) {
      expectUnavailable(await answer);
      expect(performance.now() - asked).toBeLessThan(2 * 2_000);
    }
    await database.query('COMMIT');
    await worksAgain();
    expect(await connections()).toBeLessThanOrEqual(POOL + 1);
  });

  it('that is stuck answers those who wait for a turn to create with 503 in time', async () => {
    await database.query('BEGIN');
    await database.query('LOCK TABLE agreement');
    const stuck: Promise<Answer>[] = [];
    for (const statements of [1, 2]) {
      stuck.push(service.api.create());
      await until('its statement waits', async () => (await database.waiting('RowExclusiveLock')) === statements);
    }
    const asked = performance.now();
    expectUnavailable(await service.api.create());
    expect(performance.now() - asked).toBeLessThan(2_000);
    await database.query('COMMIT');
    for (const { status } of await Promise.all(stuck)) expect([201, 503]).toContain(status);
  });

  it('is never a reason to end', () => {
    expect(service.isRunning).toBe(true);
    expect(service.log.filter(({ level }) => level === 'fatal')).toEqual([]);
  });

  const OURS = `datname = current_database() AND pid <> pg_backend_pid()`;
  const endConnections = () => database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${OURS}`);
  const connections = () => count(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE ${OURS}`);
  const count = async (query: string) => (await database.query<{ n: number }>(query))[0]?.n ?? 0;
});

function expectUnavailable({ status, headers, body }: Answer): void {
  expect({ status, code: body['code'] }).toEqual({ status: 503, code: 'unavailable' });
  expect(headers.get('retry-after')).toBe(String(body['retry_after']));
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
}
