import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { scopeOf } from '../src/http/route-scopes.js';
import { RouteTable } from '../src/http/route-table.js';
import { Api, type SentAgreement } from './support/api.js';
import { useDatabase } from './support/database.js';
import { startService } from './support/service.js';

const UNKNOWN = '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50';
const SCOPES = ['create', 'confirm', 'read', 'admin', 'operator'];
const SECRET = randomBytes(32).toString('base64url');
const keyFor = (client: string, scope: string): string => `${client}-${scope}-${SECRET}`;
const entry = (client: string, scope: string): string =>
  `${client}:${createHash('sha256').update(keyFor(client, scope)).digest('hex')}:${scope}`;
const JSON_TYPE = { 'content-type': 'application/json' };

const PRODUCTION = {
  NODE_ENV: 'production',
  ROLES: 'api',
  KAFKA_BROKERS: 'kafka.invalid:9092',
  PHONE_COUNTRIES: 'RU',
  SMS_PROVIDERS: 'http',
  SMS_HTTP_URL: 'https://sms.invalid/send',
  SMS_HTTP_TOKEN: SECRET,
};

/** Whatever a caller may send; no body where none is given. */
const BODIES: Readonly<Record<string, { headers?: Record<string, string>; body?: string | Buffer; never?: true }>> = {
  'no body': {},
  'an empty object': { headers: JSON_TYPE, body: '{}' },
  'broken JSON': { headers: JSON_TYPE, body: '{"code": ' },
  '2 MB': { headers: JSON_TYPE, body: Buffer.alloc(2_000_000, ' ') },
  'no UTF-8': { headers: JSON_TYPE, body: Buffer.from([0x22, 0xff, 0x22]) },
  'a form': { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'code=123456' },
  'no type': { body: '{}' },
  'a body that never comes': { headers: { ...JSON_TYPE, 'content-length': '2000000' }, never: true },
};

/** Also what fetch would not send, such as a GET with a body. */
async function send(method: string, url: string, headers: Record<string, string>, content = BODIES['no body']) {
  const sent = request(url, { method, headers: { ...headers, ...content?.headers }, agent: false });
  if (content?.never) sent.flushHeaders();
  else sent.end(content?.body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const body = await text(response);
  sent.on('error', () => undefined).destroy();
  const { date, 'x-request-id': id, ...rest } = response.headers;
  return { status: response.statusCode, headers: rest, body, id };
}

interface Route {
  readonly method: string;
  readonly url: string;
}

describe('every route of the running service', () => {
  const database = useDatabase();
  const entries = ['shop', 'bank'].flatMap((client) => SCOPES.map((scope) => entry(client, scope)));
  let routes: Route[];
  let inProduction: Route[];
  let url: string;
  let mine: SentAgreement;
  const as = (scope: string, client = 'shop') => ({ authorization: `Bearer ${keyFor(client, scope)}` });
  beforeAll(async () => {
    const registered = jest.spyOn(RouteTable.prototype, 'add');
    ({ url } = await startService(database, { API_KEYS: entries.join(','), CORS_ORIGINS: 'https://shop.example' }));
    const seen = (): Route[] =>
      registered.mock.calls.flatMap(([route]) => [route.method].flat().map((method) => ({ method, url: route.url })));
    routes = seen();
    registered.mockClear();
    await startService(database, { ...PRODUCTION, API_KEYS: entries.join(',') });
    inProduction = seen();
    mine = await new Api(url, as('admin')).createAndAwaitCode();
  });
  const pathOf = (route: Route, reference = UNKNOWN): string => url + route.url.replace(':reference', reference);
  const guarded = (): Route[] =>
    routes.filter(({ method, url }) => !['public', undefined].includes(scopeOf(method, url)));

  it('is in the table, but for the answer to a browser that asks before it sends', () => {
    const unlisted = routes.filter((route) => scopeOf(route.method, route.url) === undefined);
    expect(unlisted).toEqual([{ method: 'OPTIONS', url: '*' }]);
    expect(guarded().map(({ method, url }) => `${method} ${url}`)).toEqual(
      expect.arrayContaining(['POST /v1/agreement', 'HEAD /v1/agreement/:reference']),
    );
    expect(guarded().length).toBeGreaterThanOrEqual(9);
  });

  it.each(Object.keys(BODIES))('wants a key before it looks at what was sent: %s', async (name) => {
    for (const route of guarded()) {
      for (const headers of [{}, { authorization: 'Bearer unknown' }] as Record<string, string>[]) {
        const answer = await send(route.method, pathOf(route, mine.reference), headers, BODIES[name]);
        expect({ route, ...answer }).toMatchObject({ route, status: 401, headers: { 'www-authenticate': 'Bearer' } });
        if (route.method !== 'HEAD') expect(JSON.parse(answer.body)).toMatchObject({ code: 'unauthorized' });
      }
    }
  });

  it.each(Object.keys(BODIES))('wants the scope before it looks at what was sent: %s', async (name) => {
    for (const route of guarded()) {
      for (const other of ['create', 'confirm', 'read', 'operator'].filter(
        (s) => s !== scopeOf(route.method, route.url),
      )) {
        const answer = await send(route.method, pathOf(route, mine.reference), as(other), BODIES[name]);
        expect({ route, other, status: answer.status }).toEqual({ route, other, status: 403 });
        if (route.method !== 'HEAD') expect(JSON.parse(answer.body)).toMatchObject({ code: 'forbidden' });
      }
    }
  });

  it('lets a key with its scope pass, and an admin, also to a refusal of what was sent', async () => {
    for (const route of guarded()) {
      for (const scope of [scopeOf(route.method, route.url) ?? '', 'admin']) {
        const { status } = await send(route.method, pathOf(route), as(scope), BODIES['an empty object']);
        expect({ route, scope, status }).toEqual({
          route,
          scope,
          status: route.method === 'POST' ? (status === 404 ? 404 : 422) : route.url.includes(':') ? 404 : 200,
        });
      }
    }
  });

  it('says which pages of a browser may read its refusal', async () => {
    const { status, headers } = await send('POST', `${url}/v1/agreement`, { origin: 'https://shop.example' });
    expect([status, headers['access-control-allow-origin']]).toEqual([401, 'https://shop.example']);
  });

  it("tells another client's key of an agreement exactly what it tells of none", async () => {
    const withReference = guarded().filter((route) => route.url.includes(':reference'));
    expect(withReference).toHaveLength(6);
    for (const route of withReference) {
      const confirms = route.url.endsWith(':reference') && route.method === 'POST';
      const content = confirms ? { headers: JSON_TYPE, body: JSON.stringify({ code: mine.code }) } : {};
      const answer = async (reference: string) => {
        const { id, ...seen } = await send(route.method, pathOf(route, reference), as('admin', 'bank'), content);
        return { ...seen, body: seen.body.replace(reference, '…') };
      };
      const [foreign, unknown] = [await answer(mine.reference), await answer(UNKNOWN)];
      expect({ route, ...foreign }).toEqual({ route, ...unknown });
      expect(foreign.status).toBe(404);
    }
    const { body } = await new Api(url, as('read')).get(`/v1/agreement/${mine.reference}`);
    expect(body).toMatchObject({ status: 'pending', attempts_left: 3, codes_left: 4 });
  });

  it('is open without a key only for probes and signed receipts, and outside production for texts and documentation', async () => {
    const RECEIPTS = '/v1/delivery/:provider';
    const open = (all: Route[]): string[] => {
      const urls = all.filter(({ method, url }) => scopeOf(method, url) === 'public').map((route) => route.url);
      return [...new Set(urls.map((path) => (path.startsWith('/v1/') ? path : (path.split(/[/-]/)[1] ?? ''))))].sort();
    };
    expect([open(routes), open(inProduction)]).toEqual([
      [RECEIPTS, 'docs', 'health', 'sandbox'],
      [RECEIPTS, 'health'],
    ]);
    for (const path of [
      '/health/live',
      '/sandbox',
      '/sandbox/messages',
      '/docs',
      '/docs/swagger-ui.css',
      '/docs-json',
    ]) {
      expect((await fetch(url + path)).status).toBe(200);
    }
  });
});
