import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { startService, type TestService } from './support/service.js';
import { answers, SmsServer } from './support/sms-server.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { until } from './support/until.js';

const database = useDatabase();
let proxy: TcpProxy;
let provider: SmsServer;
let service: TestService;

beforeAll(async () => {
  provider = await SmsServer.start();
  const proxied = await TcpProxy.before(database.url);
  proxy = proxied.proxy;
  await proxy.open();
  service = await startService(database, { ...provider.environment, DATABASE_URL: proxied.url });
});
afterAll(() => Promise.all([proxy.cut(), provider.stop()]));

it('an acceptance that comes while the database is away is kept until it is back, and the text is not sent again', async () => {
  const phone = freshPhone();
  provider.willAnswer(phone, answers.slow(500));
  const { body } = await service.api.create({ phone });
  const [request] = await provider.received(phone);
  await proxy.cut();
  expect(await request?.answered).toBeGreaterThan(0);
  await until('the worker has the answer', () => service.log.some((line) => line.includes('"outcome":"accepted"')));
  await proxy.open();
  await service.api.until(body['reference'], { delivery: 'sent' });
  // As if its lease were over: a send that was not recorded would go out again now.
  await database.query(`UPDATE send SET next_attempt_at = now() WHERE state = 'queued'`);
  expect(provider.to(phone)).toHaveLength(1);
});
