import { beforeAll, describe, expect, it } from '@jest/globals';
import { Api, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { startService } from './support/service.js';

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
const UNKNOWN = '/v1/agreement/019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50';
const KIB_16 = 16 * 1024;

describe('what holds for every request', () => {
  const database = useDatabase();
  let api: Api;
  beforeAll(async () => {
    ({ api } = await startService(database));
  });

  const created = async (): Promise<string> => String((await api.create()).headers.get('location'));

  describe('X-Request-Id', () => {
    it.each(['a', '0123-4567_89.AB:c+d/e=', 'x'.repeat(128)])(
      'is taken over where it is well-formed: %s',
      async (id) => {
        for (const path of [UNKNOWN, '/v1/agreement', '/nowhere', '/health/live']) {
          expect((await api.get(path, { 'x-request-id': id })).headers.get('x-request-id')).toBe(id);
        }
      },
    );

    it.each(['', 'x'.repeat(129), 'a b', 'a,b', '<script>', '{"a":1}', '%0d%0a', 'a;b', 'é', '\u00ff'])(
      'is replaced where it is not: %j',
      async (id) => {
        const { headers } = await api.get(UNKNOWN, { 'x-request-id': id });
        expect(headers.get('x-request-id')).toMatch(UUID);
      },
    );

    it('is a new one for each request without', async () => {
      const ids = await Promise.all([1, 2, 3].map(async () => (await api.get(UNKNOWN)).headers.get('x-request-id')));
      expect(new Set(ids).size).toBe(3);
    });
  });

  it('is never kept by a cache, whatever was answered', async () => {
    const location = await created();
    const answers = [
      await api.create(),
      await api.get(location),
      await api.get('/v1/agreement'),
      await api.get(`/%76%31${location.slice(3)}`),
      await api.get(UNKNOWN),
      await api.get('/v1/nowhere'),
      await api.post('/v1/agreement', '{'),
      await api.request('DELETE', location),
      await api.request('OPTIONS', location),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 200, 404, 404, 400, 405, 204]);
    for (const { headers } of answers) expect(headers.get('cache-control')).toBe('no-store');
  });

  it('may end in a slash, but not in two', async () => {
    const location = await created();
    expect((await api.get(`${location}/`)).status).toBe(200);
    expect((await api.get('/v1/agreement/?limit=1')).status).toBe(200);
    expect((await api.post('/v1/agreement/', { id_hash: 'x', phone: freshPhone() })).status).toBe(201);
    expect((await api.post(`${location}/cancel/`)).status).toBe(200);
    expect((await api.get('/health/ready/')).status).toBe(200);
    for (const answer of [await api.get('/v1/agreement//'), await api.post(`${location}//`, {})]) {
      expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
  });

  it('may be asked by HEAD, which has no body', async () => {
    const location = await created();
    for (const path of [location, '/v1/agreement', '/health/live']) {
      const [got, head] = [await api.get(path), await fetch(api.url + path, { method: 'HEAD' })];
      expect(head.status).toBe(200);
      expect(head.headers.get('content-type')).toBe(got.headers.get('content-type'));
      expect(await head.text()).toBe('');
    }
    expect((await fetch(api.url + UNKNOWN, { method: 'HEAD' })).status).toBe(404);
  });

  it('may be asked by OPTIONS what a path allows', async () => {
    const location = await created();
    const allowed = async (path: string) => {
      const { status, headers, body } = await api.request('OPTIONS', path);
      return [status, headers.get('allow') ?? body['code']];
    };
    expect(await allowed('/v1/agreement')).toEqual([204, 'GET, HEAD, OPTIONS, POST']);
    expect(await allowed(`${location}/?x=y`)).toEqual([204, 'GET, HEAD, OPTIONS, POST']);
    expect(await allowed(`${location}/resend`)).toEqual([204, 'OPTIONS, POST']);
    expect(await allowed('/health/live')).toEqual([204, 'GET, HEAD, OPTIONS']);
    expect(await allowed('/nowhere')).toEqual([404, 'not_found']);
  });

  it.each(['PUT', 'PATCH', 'DELETE', 'PROPFIND', 'QUERY'])('may not use %s, whatever comes with it', async (method) => {
    const location = await created();
    const bodies = [undefined, '{}', '{', 'x'.repeat(KIB_16 + 1)];
    for (const body of method === 'QUERY' || method === 'PROPFIND' ? [undefined] : bodies) {
      const answer = await api.request(method, location, body);
      expect(answer).toMatchObject({
        status: 405,
        body: { code: 'method_not_allowed', status: 405, instance: location },
      });
      expect(answer.headers.get('allow')).toBe('GET, HEAD, OPTIONS, POST');
      expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    }
    const { status, headers } = await api.request(method, `${location}/cancel`);
    expect([status, headers.get('allow')]).toEqual([405, 'OPTIONS, POST']);
  });

  it.each(['/', '/v1', '/v2/agreement', '/V1/agreement', '//v1/agreement', '/v1/agreements', '/.env', '/%2e%2e/'])(
    'finds nothing at %s',
    async (path) => {
      for (const answer of [await api.get(path), await api.post(path, '{"broken'), await api.post(path, {})]) {
        expect(answer).toMatchObject({ status: 404, body: { code: 'not_found', title: 'Not found' } });
      }
    },
  );

  describe('the body', () => {
    const fields = () => JSON.stringify({ id_hash: 'x', phone: freshPhone() });
    const send = (type: string | undefined, body: string | Uint8Array<ArrayBuffer>, path = '/v1/agreement') =>
      fetch(api.url + path, { method: 'POST', headers: type === undefined ? {} : { 'content-type': type }, body });

    it.each([
      'application/json',
      'application/json; charset=utf-8',
      'Application/JSON;charset="UTF-8"',
      'application/json ;x=y',
    ])('may be %s', async (type) => {
      expect((await send(type, fields())).status).toBe(201);
    });

    it.each([
      ...[
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/xml',
        'text/json',
      ],
      ...[
        'application/json-patch+json',
        'application/problem+json',
        'application/jsonx',
        'json',
        '*/*',
        'application/',
        ';',
        '\u00ff',
      ],
    ])('may not be %s', async (type) => {
      const response = await send(type, fields());
      expect([response.status, await response.json()]).toMatchObject([415, { code: 'malformed_request', status: 415 }]);
    });

    it('may not be without a type', async () => {
      const response = await send(undefined, new TextEncoder().encode(fields()));
      expect([response.status, await response.json()]).toMatchObject([415, { code: 'malformed_request' }]);
    });

    it('may be missing, with or without a type, where no field is needed', async () => {
      const location = await created();
      expect((await api.post(`${location}/cancel`, '', { 'content-type': 'application/json' })).status).toBe(200);
      expect((await api.post(`${location}/cancel`)).status).toBe(200);
      expect(
        (await fetch(`${api.url}${location}/cancel`, { method: 'POST', headers: { 'content-type': 'text/plain' } }))
          .status,
      ).toBe(415);
      const errors = [{ field: 'id_hash' }, { field: 'phone' }];
      expect(await api.post('/v1/agreement')).toMatchObject({ status: 422, body: { errors } });
      expect(await api.post('/v1/agreement', '', { 'content-type': 'application/json' })).toMatchObject({
        status: 422,
        body: { errors },
      });
    });

    it('may have 16 KiB and not a byte more', async () => {
      const whole = fields();
      expect((await api.post('/v1/agreement', whole + ' '.repeat(KIB_16 - whole.length))).status).toBe(201);
      const large = await api.post('/v1/agreement', whole + ' '.repeat(KIB_16 + 1 - whole.length));
      expect(large).toMatchObject({ status: 413, body: { code: 'malformed_request', status: 413 } });
    });

    it('may have 16 KiB also where its length is not told before', async () => {
      const chunks = new Blob(['{"id_hash": "', 'x'.repeat(KIB_16), '"}']).stream();
      const response = await fetch(`${api.url}/v1/agreement`, {
        method: 'POST',
        body: chunks,
        duplex: 'half',
        headers: { 'content-type': 'application/json' },
      });
      expect([response.status, await response.json()]).toMatchObject([413, { code: 'malformed_request' }]);
    });

    it.each([
      '{',
      '}',
      '{"a":}',
      "{'a': 1}",
      '{"a": 1,}',
      '{"a": NaN}',
      '// {}',
      'undefined',
      '{}{}',
      '\u0000',
      '{"a": "\n"}',
      '\ufeff\ufeff{}',
    ])('is refused where it is not JSON: %j', async (body) => {
      expect(await api.post('/v1/agreement', body)).toMatchObject({
        status: 400,
        body: { code: 'malformed_request', status: 400 },
      });
    });

    it('is refused where it is not UTF-8, instead of being kept changed', async () => {
      const bytes = Buffer.from(fields().replace('"x"', '"\u00ff"'), 'latin1');
      const response = await send('application/json', new Uint8Array(bytes));
      expect([response.status, await response.json()]).toMatchObject([400, { code: 'malformed_request' }]);
    });

    it('is not read for a GET', async () => {
      const { status } = await api.get('/v1/agreement', { 'content-type': 'text/plain' });
      expect(status).toBe(200);
    });
  });
});
