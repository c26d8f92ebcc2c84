import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { documented, DocumentedApi } from './support/documented-api.js';
import { lines, rawRequest } from './support/raw-request.js';
import { startService } from './support/service.js';

const UNKNOWN = '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50';

/** Which scope each operation asks for; a new one has to be added here. */
const SCOPES: Readonly<Record<string, 'create' | 'confirm' | 'read' | 'public' | 'signed'>> = {
  createAgreement: 'create',
  confirmAgreement: 'confirm',
  resendCode: 'create',
  cancelAgreement: 'create',
  withdrawAgreement: 'confirm',
  getAgreement: 'read',
  listAgreements: 'read',
  getLiveness: 'public',
  getReadiness: 'public',
  listSandboxMessages: 'public',
  getSandboxSwitches: 'public',
  setSandboxSwitches: 'public',
  takeReceipt: 'signed',
};
const OPERATIONS = Object.entries(documented.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { operationId }]) => ({
    operationId,
    method: method.toUpperCase(),
    path: path.replace('{reference}', UNKNOWN),
  })),
);

const sha256 = (key: string): string => createHash('sha256').update(key).digest('hex');
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe('API keys', () => {
  const database = useDatabase();
  let api: DocumentedApi;
  beforeAll(async () => {
    const keys = [
      ...['create', 'confirm', 'read', 'admin', 'operator'].map((scope) => `shop:${sha256(`shop-${scope}`)}:${scope}`),
      `shop:${sha256('shop-all').toUpperCase()}`,
      `shop:${sha256('shop-rotated')}`,
      `bank:${sha256('bank-all')}`,
      `bank:${sha256('bank-two')}:read+create`,
    ];
    api = new DocumentedApi((await startService(database, { API_KEYS: keys.join(',') })).url);
  });
  const as = (key: string): DocumentedApi => api.with(bearer(key));
  const call = ({ method, path }: { method: string; path: string }, by: DocumentedApi) =>
    by.request(method, path, method === 'POST' ? {} : undefined);
  const lacksKey = { status: 401, body: { code: 'unauthorized' } };
  const lacksScope = { status: 403, body: { code: 'forbidden' } };

  it('are known for every operation of the document', () => {
    expect(OPERATIONS.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(SCOPES).sort());
  });

  it.each(OPERATIONS)('guard $operationId by its scope', async (operation) => {
    const scope = SCOPES[operation.operationId] ?? '';
    if (scope === 'public') {
      expect((await call(operation, api)).status).toBe(200);
      return;
    }
    if (scope === 'signed') {
      // Nobody is let in by a key, and without a provider there is nobody to be let in.
      for (const by of [api, as('shop-all')]) expect((await call(operation, by)).status).toBe(404);
      return;
    }
    const refused = await call(operation, api);
    expect(refused).toMatchObject(lacksKey);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    for (const key of ['unknown', 'shop', sha256('shop-all')])
      expect(await call(operation, as(key))).toMatchObject(lacksKey);
    for (const other of ['create', 'confirm', 'read', 'operator'].filter((name) => name !== scope)) {
      expect(await call(operation, as(`shop-${other}`))).toMatchObject(lacksScope);
    }
    for (const key of [`shop-${scope}`, 'shop-all', 'shop-rotated', 'shop-admin']) {
      expect([200, 404, 422]).toContain((await call(operation, as(key))).status);
    }
  });

  it.each([
    ...['', 'Bearer', 'Bearer ', 'Basic c2hvcC1hbGw6', 'shop-all', 'Token shop-all', 'Bearer shop-all extra'],
    ...[
      'Bearer shop-all,',
      'Bearer "shop-all"',
      'Bearershop-all',
      'Bearer\u00a0shop-all',
      `Bearer ${'x'.repeat(8000)}`,
    ],
  ])('are not taken out of %.40j', async (authorization) => {
    expect(await api.get('/v1/agreement', { authorization })).toMatchObject(lacksKey);
  });

  it('are taken after Bearer in any case, and not out of the query', async () => {
    expect((await api.get('/v1/agreement', { authorization: 'bearer   shop-all' })).status).toBe(200);
    expect(await api.get('/v1/agreement?key=shop-all&access_token=shop-all')).toMatchObject(lacksKey);
  });

  it.each([
    ['twice', ['Authorization: Bearer shop-all', 'Authorization: Bearer shop-all'], 401],
    ['beside another', ['Authorization: Bearer shop-all', 'authorization: Basic eDp5'], 401],
    ['behind another', ['Authorization: Basic eDp5', 'Authorization: Bearer shop-all'], 401],
    ['beside an empty one', ['Authorization:', 'Authorization: Bearer shop-all'], 401],
    ['in a list', ['Authorization: Bearer shop-all, Bearer shop-all'], 401],
    ['behind a tab', ['Authorization: Bearer\tshop-all'], 401],
    [
      'under another name',
      ['X-Api-Key: shop-all', 'Proxy-Authorization: Bearer shop-all', 'Cookie: key=shop-all'],
      401,
    ],
    ['as bytes of no text', ['Authorization: Bearer \u00ff\u00fe'], 401],
    ['with DEL in it', ['Authorization: Bearer shop-all\u007f'], 400],
    ['with NUL in it', ['Authorization: Bearer shop-all\u0000'], 400],
    ['with ESC in it', ['Authorization: Bearer \u001b[31mshop-all'], 400],
    ['on two lines', ['Authorization: Bearer', ' shop-all'], 400],
    ['alone', ['Authorization: Bearer shop-all'], 200],
  ])('are read only where they cannot be misread: %s', async (_, headers, status) => {
    const bytes = lines('GET /v1/agreement HTTP/1.1', 'Host: localhost', ...headers);
    expect(await rawRequest(api.url, Buffer.from(bytes, 'latin1'))).toMatchObject({ status });
  });

  it('are asked for before anything of the request is judged', async () => {
    expect(await api.post('/v1/agreement', { wrong: true })).toMatchObject(lacksKey);
    expect(await api.get('/v1/agreement?limit=0')).toMatchObject(lacksKey);
    expect(await as('shop-read').post('/v1/agreement', { wrong: true })).toMatchObject(lacksScope);
  });

  it("answer another client's agreement exactly like an unknown one, and change nothing", async () => {
    const mine = await as('shop-all').createAndAwaitCode();
    const theirs = as('bank-all');
    const attempts = (reference: string) => [
      theirs.get(`/v1/agreement/${reference}`),
      theirs.confirm(reference, mine.code),
      theirs.confirm(reference, '000000'),
      ...['resend', 'cancel', 'withdraw'].map((action) => theirs.post(`/v1/agreement/${reference}/${action}`)),
    ];
    const [foreign, unknown] = [await Promise.all(attempts(mine.reference)), await Promise.all(attempts(UNKNOWN))];
    const shape = ({ status, headers, body }: (typeof foreign)[number]) => {
      const names = [...headers.keys()].sort();
      return { status, names, body: JSON.stringify(body).replace(mine.reference, UNKNOWN) };
    };
    expect(foreign.map(shape)).toEqual(unknown.map(shape));
    expect(foreign.every(({ body }) => body['code'] === 'agreement_not_found')).toBe(true);
    const { body } = await as('shop-all').get(`/v1/agreement/${mine.reference}`);
    expect(body).toMatchObject({ status: 'pending', attempts_left: 3, codes_left: 4 });
    expect((await as('shop-rotated').confirm(mine.reference, mine.code)).status).toBe(200);
  });

  it('list the agreements of their own client, whichever of its keys made them', async () => {
    const listed = async (key: string) => {
      const { body } = await as(key).get('/v1/agreement?id_hash=listed');
      return (body['items'] as { reference: string }[]).map(({ reference }) => reference);
    };
    const create = async (key: string) => (await as(key).create({ id_hash: 'listed' })).body['reference'] as string;
    const shop = [await create('shop-all'), await create('shop-create')].reverse();
    const bank = [await create('bank-all'), await create('bank-two')].reverse();
    expect(await listed('shop-read')).toEqual(shop);
    expect(await listed('bank-two')).toEqual(bank);
    expect((await as('bank-all').get(`/v1/agreement?cursor=${shop[0]}&id_hash=listed`)).body['items']).toEqual([]);
  });

  it('are not needed to learn that there is no such route', async () => {
    expect((await fetch(`${api.url}/v1/nowhere`)).status).toBe(404);
    expect((await fetch(`${api.url}/v1/agreement`, { method: 'DELETE' })).status).toBe(405);
  });
});
