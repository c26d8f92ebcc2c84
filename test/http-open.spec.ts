import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { lines, rawRequest } from './support/raw-request.js';
import { startService } from './support/service.js';

const KEY = 'the-key';
const PAGE = 'https://shop.example';

describe('a service without API keys', () => {
  const database = useDatabase();
  let url: string;
  beforeAll(async () => {
    ({ url } = await startService(database, { PUBLIC_URL: 'https://agreement.example:8443/path' }));
  });
  const ask = (host: string, path = '/v1/agreement', method = 'GET') =>
    rawRequest(url, lines(`${method} ${path} HTTP/1.1`, `Host: ${host}`));

  it.each([
    'localhost',
    'LOCALHOST:3000',
    '127.0.0.1',
    '127.0.0.1:80',
    '[::1]:3000',
    'agreement.example',
    'agreement.example:443',
  ])('knows itself as %s', async (host) => {
    expect(await ask(host)).toMatchObject({ status: 200 });
  });

  it.each([
    ...[
      'evil.example',
      'localhost.evil.example',
      'evil.localhost',
      '127.0.0.1.nip.io',
      '10.0.0.1',
      '127.0.0.2',
      '0.0.0.0',
    ],
    ...[
      'shop.agreement.example',
      'localhost@evil.example',
      'localhost#@evil.example',
      ':3000',
      '[',
      '',
      '%6cocalhost.evil',
      '::1',
    ],
  ])('refuses to be called %j, which a page in a browser could be bound to', async (host) => {
    for (const [path, method] of [
      ['/v1/agreement', 'GET'],
      ['/v1/agreement', 'POST'],
      ['/v1/agreement', 'OPTIONS'],
      ['/v1/agreement/x/resend', 'POST'],
      ['/sandbox', 'GET'],
      ['/sandbox/messages', 'GET'],
      ['/sandbox/switches', 'PUT'],
      ['/docs-json', 'GET'],
      ['/nowhere', 'GET'],
      ['/health', 'GET'],
    ] as const) {
      const refused = {
        status: 403,
        body: { code: 'forbidden', reason: 'host', detail: 'Недопустимый заголовок Host.' },
      };
      expect(await ask(host, path, method)).toMatchObject(refused);
    }
  });

  it.each(['evil.example', '10.1.2.3:8080'])('answers probes that call it %s', async (host) => {
    expect(await ask(host, '/health/live')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await ask(host, '/health/ready')).toMatchObject({ status: 200 });
  });

  it('is everybody as the client local', async () => {
    const body = JSON.stringify({ id_hash: 'x', phone: '+79161234567' });
    const response = await fetch(`${url}/v1/agreement`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    const { reference } = (await response.json()) as { reference: string };
    expect(await database.query('SELECT client FROM agreement WHERE reference = $1', [reference])).toEqual([
      { client: 'local' },
    ]);
  });

  it('lets no page of another origin read', async () => {
    const answer = await rawRequest(url, lines('GET /v1/agreement HTTP/1.1', 'Host: localhost', `Origin: ${PAGE}`));
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('a service with API keys', () => {
  const database = useDatabase();
  let url: string;
  beforeAll(async () => {
    const key = `shop:${createHash('sha256').update(KEY).digest('hex')}`;
    ({ url } = await startService(database, { API_KEYS: key, CORS_ORIGINS: `${PAGE},http://localhost:8080` }));
  });

  it('may be called by any name: nobody gets in without a key', async () => {
    const bytes = (...more: string[]) => lines('GET /v1/agreement HTTP/1.1', 'Host: any.example', ...more);
    expect(await rawRequest(url, bytes(`Authorization: Bearer ${KEY}`))).toMatchObject({ status: 200 });
    expect(await rawRequest(url, bytes())).toMatchObject({ status: 401 });
  });

  const preflight = (origin: string, path = '/v1/agreement') =>
    fetch(url + path, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } });

  it('tells a browser that the pages of CORS_ORIGINS may send', async () => {
    for (const path of ['/v1/agreement', '/v1/agreement/x/resend']) {
      const { status, headers } = await preflight(PAGE, path);
      expect([status, headers.get('access-control-allow-origin')]).toEqual([204, PAGE]);
      expect(headers.get('access-control-allow-methods')).toContain('POST');
    }
    const headers = { origin: PAGE, authorization: `Bearer ${KEY}` };
    const answer = await fetch(`${url}/v1/agreement`, { headers });
    expect(answer.headers.get('access-control-allow-origin')).toBe(PAGE);
    expect(answer.headers.get('access-control-expose-headers')).toMatch(/Location.*Retry-After.*X-Request-Id/);
    expect(answer.headers.get('vary')).toMatch(/Origin/i);
  });

  it.each(['https://evil.example', `${PAGE}.evil.example`, 'null', 'http://shop.example'])(
    'tells nothing of it to %s',
    async (origin) => {
      const { headers } = await preflight(origin);
      expect(headers.get('access-control-allow-origin')).toBeNull();
      const read = await fetch(`${url}/v1/agreement`, { headers: { origin, authorization: `Bearer ${KEY}` } });
      expect([read.status, read.headers.get('access-control-allow-origin')]).toEqual([200, null]);
    },
  );

  it('still answers an OPTIONS that is no preflight with what the path allows', async () => {
    const { status, headers } = await fetch(`${url}/v1/agreement`, { method: 'OPTIONS' });
    expect([status, headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS, POST']);
  });
});
