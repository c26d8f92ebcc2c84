import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { stopped } from './support/process-state.js';
import { startService, testEnvironment, type TestService } from './support/service.js';
import { type SmsRequest, SmsServer } from './support/sms-server.js';
import { SteadyLoad } from './support/steady-load.js';
import { until } from './support/until.js';

const SMS_TIMEOUT = 1_000;
const ROUNDS = 12;

describe('a worker that is stopped for a while', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let provider: SmsServer;
  let api: TestService;
  let running: { stop(): Promise<unknown> }[] = [];

  beforeAll(async () => {
    provider = await SmsServer.start();
    api = await startService(database, { ROLES: 'api' });
  });
  afterEach(async () => {
    await Promise.all(running.map((service) => service.stop()));
    running = [];
  });
  afterAll(() => provider.stop());

  /** A worker whose requests the provider can tell by their token. */
  const environment = (token: string, env: Record<string, string>) => ({
    ...provider.environment,
    ...{ SMS_HTTP_TOKEN: token, ROLES: 'relay,worker', SMS_TIMEOUT: String(SMS_TIMEOUT / 1000), ...env },
  });

  async function startFirst(env: Record<string, string> = {}): Promise<ServiceProcess> {
    const worker = await (await processes.start(testEnvironment(database, environment('first', env)))).ready();
    running.push({ stop: () => worker.kill() });
    return worker;
  }

  async function startSecond(): Promise<void> {
    running.push(await startService(database, environment('second', {})));
  }

  const create = async (): Promise<{ phone: string; reference: string }> => {
    const phone = freshPhone();
    const { body } = await api.api.create({ phone });
    return { phone, reference: body['reference'] };
  };

  const isFrom = (token: string) => (request: SmsRequest) => request.headers.authorization === `Bearer ${token}`;

  /** As if the leases of what is in hand were over. */
  const endLeases = () => database.query(`UPDATE send SET next_attempt_at = now() WHERE state = 'queued'`);

  const whatBecameOf = (worker: ServiceProcess, reference: string) =>
    until('its word', () => worker.log.find((line) => line['msg'] === 'send' && line['reference'] === reference));

  it.each(['sender.claimed', 'sender.issued'])(
    'after %s sends nothing when it goes on: another one has sent it meanwhile',
    async (failpoint) => {
      const worker = await startFirst({ FAILPOINTS: `${failpoint}=stop` });
      const { phone, reference } = await create();
      await stopped(worker.pid);
      const at = performance.now();
      await startSecond();
      await endLeases();
      await api.api.until(reference, { delivery: 'sent' });
      await until('its time is over', () => performance.now() - at > SMS_TIMEOUT);

      worker.signal('SIGCONT');

      expect(await whatBecameOf(worker, reference)).toMatchObject({
        ...{ outcome: 'try_later', reason: expect.stringMatching(/^(late|not_connected)$/), try: 1 },
      });
      expect(provider.to(phone).map(isFrom('second'))).toEqual([true]);
      const [send] = await database.query('SELECT state, try FROM send WHERE reference = $1', [reference]);
      expect(send).toEqual({ state: 'sent', try: 2 });
    },
  );

  it('until the code is too old sends nothing when it goes on', async () => {
    const worker = await startFirst({ FAILPOINTS: 'sender.issued=stop', OTP_TTL: '2', SMS_TIMEOUT: '60' });
    const { phone, reference } = await create();
    await stopped(worker.pid);
    const at = performance.now();
    // No try may start in the last quarter of a short life.
    await until('the code is too old', () => performance.now() - at > 1_500);

    worker.signal('SIGCONT');

    await api.api.until(reference, { delivery: 'failed', delivery_reason: 'expired' });
    expect(provider.to(phone)).toEqual([]);
  });

  it('at whatever moment never sends what another one has taken over', async () => {
    const worker = await startFirst();
    let takenOver = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const load = new SteadyLoad(api.api, 4);
      await until('it is at work', () => load.count(201) > 10);
      // No condition says when a text is half on its way: that is what the many rounds are for.
      await delay(randomInt(30));
      worker.signal('SIGSTOP');
      await stopped(worker.pid);
      const at = performance.now();
      await load.stop();
      // A claim that it had asked for is still made.
      await until('its statements are through', async () => (await statements()) === 0);
      const inHand = await database.query<{ id: string }>(
        `UPDATE send SET next_attempt_at = now() WHERE state = 'queued' AND try > 0 RETURNING id`,
      );
      const ids = new Set(inHand.map(({ id }) => id));
      const second = await startService(database, environment('second', {}));
      await until('all are sent', async () => (await queued('AND try > 0')) === 0, 20_000);
      await second.stop();
      await until('its time is over', () => performance.now() - at > SMS_TIMEOUT);
      const before = provider.requests.length;
      worker.signal('SIGCONT');
      await until('the rest is sent too', async () => (await queued()) === 0 && (await waiting()) === 0);
      const late = provider.requests.slice(before).filter(({ body }) => ids.has(body.id));
      expect(late.map(({ headers }) => headers.authorization)).toEqual([]);
      takenOver += ids.size;
    }
    expect(takenOver).toBeGreaterThan(ROUNDS);
  }, 60_000);

  const count = async (query: string) => (await database.query<{ n: number }>(query))[0]?.n;
  const queued = (more = '') => count(`SELECT count(*)::int AS n FROM send WHERE state = 'queued' ${more}`);
  const statements = () =>
    count(`SELECT count(*)::int AS n FROM pg_stat_activity
           WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()`);
  const waiting = () => count('SELECT count(*)::int AS n FROM outbox');
});
