import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Api } from './support/api.js';
import { useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { freePorts } from './support/kafka/server-properties.js';
import { startService, type TestService } from './support/service.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { until } from './support/until.js';

const UNAVAILABLE = { status: 503, body: { code: 'unavailable', retry_after: 2 } };

describe('a service that cannot do its work', () => {
  const database = useDatabase();
  let proxy: TcpProxy;
  let service: TestService;
  let api: DocumentedApi;
  beforeAll(async () => {
    const between = await TcpProxy.before(database.url);
    proxy = between.proxy;
    const [port] = await freePorts();
    const starting = startService(database, { DATABASE_URL: between.url, PORT: String(port) });
    api = new DocumentedApi(`http://127.0.0.1:${port}`);
    await until('it listens', async () => (await api.get('/health/live')).status === 200);
    await everythingUnavailable(['database']);
    await proxy.open();
    service = await starting;
  });
  afterAll(() => proxy.cut());

  /** What each route answers while PostgreSQL is away. */
  const everythingUnavailable = async (waitingFor: string[], reference = '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50') => {
    const answers = await Promise.all([
      api.create(),
      api.get('/v1/agreement'),
      api.get(`/v1/agreement/${reference}`),
      api.confirm(reference, '123456'),
      ...['resend', 'cancel', 'withdraw'].map((action) => api.post(`/v1/agreement/${reference}/${action}`)),
      api.get('/sandbox/messages'),
    ]);
    for (const answer of answers) {
      expect(answer).toMatchObject(UNAVAILABLE);
      expect(answer.headers.get('retry-after')).toBe('2');
      expect(JSON.stringify(answer.body)).not.toMatch(/ECONN|postgres|SELECT|timeout/i);
    }
    expect(await api.get('/health/live')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await api.get('/health/ready')).toMatchObject({
      status: 503,
      body: { status: 'not_ready', waiting_for: waitingFor },
    });
  };

  it('says 503 before PostgreSQL was ever reached, and is ready once it is', async () => {
    expect(await api.get('/health/ready')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect((await api.create()).status).toBe(201);
  });

  it('still says what is wrong with a request while PostgreSQL is away', async () => {
    await proxy.cut();
    expect(await api.post('/v1/agreement', {})).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    expect(await api.create({ phone: '+7' })).toMatchObject({ status: 422, body: { code: 'phone_not_allowed' } });
    expect(await api.get('/v1/agreement/nothing')).toMatchObject({
      status: 404,
      body: { code: 'agreement_not_found' },
    });
    await proxy.open();
  });

  it('says 503 while PostgreSQL is away, counts no guess, and recovers by itself', async () => {
    const { reference, code } = await until('a text', () => api.createAndAwaitCode());
    await proxy.cut();
    await everythingUnavailable(['database'], reference);
    await proxy.open();
    const found = await until('an answer', async () => {
      const { status, body } = await api.get(`/v1/agreement/${reference}`);
      return status === 200 ? body : undefined;
    });
    expect(found['attempts_left']).toBe(3);
    expect((await api.confirm(reference, code)).status).toBe(200);
  });

  it('says 503 where the key of a code is not configured, which costs no attempt', async () => {
    const { reference, code } = await api.createAndAwaitCode();
    const setKey = (id: string) =>
      database.query('UPDATE agreement SET code_key_id = $2 WHERE reference = $1', [reference, id]);
    await setKey('retired');
    for (const _ of [1, 2, 3, 4]) expect(await api.confirm(reference, '000000')).toMatchObject(UNAVAILABLE);
    await setKey('test');
    expect((await api.get(`/v1/agreement/${reference}`)).body['attempts_left']).toBe(3);
    expect((await api.confirm(reference, code)).status).toBe(200);
    expect(service.log.filter((line) => line.includes('"key_id":"retired"'))).not.toEqual([]);
  });

  it('says 500 and nothing of its inside where it has a defect, and the log says what', async () => {
    await database.query('ALTER TABLE history RENAME TO mislaid');
    const answer = await api.create();
    await database.query('ALTER TABLE mislaid RENAME TO history');
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal_error', title: 'Internal error' } });
    expect(Object.keys(answer.body).sort()).toEqual(['code', 'detail', 'instance', 'status', 'title', 'type']);
    const line = service.log.find(
      (entry) => entry.includes(answer.headers.get('x-request-id') ?? '') && entry.includes('"level":50'),
    );
    expect(JSON.parse(line ?? '{}')).toMatchObject({
      msg: 'internal error',
      error: { message: expect.stringContaining('history') },
    });
    expect((await new Api(api.url).create()).status).toBe(201);
  });
});
