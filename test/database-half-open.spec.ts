import { beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { socketsTo } from './support/process-state.js';
import { testEnvironment } from './support/service.js';
import { SteadyLoad, timed, type TimedAnswer } from './support/steady-load.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { until } from './support/until.js';

const POOL = 10;
const NOBODY = '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50';
const RECOVERED_WITHIN = 10_000;

describe('a network to PostgreSQL that swallows everything', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let proxy: TcpProxy;
  let service: ServiceProcess;

  beforeAll(async () => {
    const proxied = await TcpProxy.before(database.url);
    proxy = proxied.proxy;
    await proxy.open();
    database.onEnd(() => proxy.cut());
    const env = { DATABASE_URL: proxied.url, DATABASE_POOL_SIZE: String(POOL) };
    service = await (await processes.start(testEnvironment(database, env))).ready();
  });

  /** Every kind of request at once. */
  const everything = (reference: string): Promise<TimedAnswer[]> => {
    const { api } = service;
    return Promise.all([
      ...[api.create(), api.get('/v1/agreement'), api.get(`/v1/agreement/${reference}`)].map(timed),
      ...[api.confirm(reference, '123456'), api.post(`/v1/agreement/${reference}/resend`)].map(timed),
      ...['cancel', 'withdraw'].map((action) => timed(api.post(`/v1/agreement/${reference}/${action}`))),
    ]);
  };

  /** The whole walk, in less than 10 s: request, event, text, code. */
  async function worksAgain(): Promise<void> {
    const since = performance.now();
    const phone = freshPhone();
    const { body } = await until(
      'an agreement',
      async () => {
        const answer = await service.api.create({ phone });
        return answer.status === 201 ? answer : undefined;
      },
      RECOVERED_WITHIN,
    );
    const left = (): number => RECOVERED_WITHIN - (performance.now() - since);
    const arrived = async () => (await service.api.messages(phone)).length > 0;
    await until('its text', arrived, left());
    const code = await service.api.codeSentTo(phone);
    expect(await service.api.confirm(body['reference'], code)).toMatchObject({ status: 200 });
  }

  async function expectAllConnectionsGood(): Promise<void> {
    const answers = await Promise.all(Array.from({ length: 4 * POOL }, () => timed(service.api.get('/v1/agreement'))));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  }

  it('is answered for with 503 within two seconds, whatever was asked', async () => {
    const { reference } = await service.api.createAndAwaitCode();
    // So that there are connections that have gone dead.
    await expectAllConnectionsGood();
    proxy.freeze();
    for (const round of [1, 2]) expectAway(await everything(reference), round);
    proxy.thaw();
    await worksAgain();
  });

  it('costs no more than ten seconds where the old connections never come back and new ones work', async () => {
    await expectAllConnectionsGood();
    const before = await socketsTo(proxy.port, service.pid);
    proxy.freeze();
    expectAway(await everything(NOBODY));
    proxy.abandon();
    await worksAgain();
    await expectAllConnectionsGood();
    // Nothing is kept of the dead ones.
    await until('the sockets are gone', async () => (await socketsTo(proxy.port, service.pid)) <= before);
  });

  it('costs no more either where nobody asked meanwhile, so that all are found dead one after the other', async () => {
    await expectAllConnectionsGood();
    proxy.abandon();
    const found = async () => (await service.api.get('/v1/agreement')).status === 200;
    await until('an answer', found, RECOVERED_WITHIN / 2);
    await worksAgain();
    await expectAllConnectionsGood();
  });

  it('costs no more where it happens in the middle of statements, under load', async () => {
    const load = new SteadyLoad(service.api, 8);
    await until('work goes on', () => load.count(201) > 20);
    await database.query('BEGIN');
    await database.query('LOCK TABLE agreement');
    await until('statements wait', async () => (await database.waiting()) > 0);
    proxy.freeze();
    await database.query('COMMIT');
    await until('callers were told', () => load.count(503) > 20);
    proxy.abandon();
    const before = load.count(201);
    await until('work goes on again', () => load.count(201) > before + 20, RECOVERED_WITHIN);
    const answers = await load.stop();
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201, 503]));
    expectAway(answers.filter(({ status }) => status === 503));
    await worksAgain();
  });

  it('is nothing that the service cannot deal with', () => {
    expect(service.isRunning).toBe(true);
    expect(service.log.filter(({ level }) => level === 'fatal' || Number(level) >= 60)).toEqual([]);
    expect(service.output).not.toMatch(/unhandled|uncaught/i);
  });
});

function expectAway(answers: readonly TimedAnswer[], round = 1): void {
  for (const { status, body, headers, took } of answers) {
    expect({ round, status, code: body['code'] }).toEqual({ round, status: 503, code: 'unavailable' });
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(took).toBeLessThan(2_000);
  }
}
