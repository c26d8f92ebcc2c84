import { beforeAll, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { startService } from './support/service.js';

const SHA256 = 'a'.repeat(64);

describe('GET /v1/agreement', () => {
  const database = useDatabase();
  let api: DocumentedApi;
  beforeAll(async () => {
    api = new DocumentedApi((await startService(database)).url);
  });

  const list = (query: Record<string, string | number> = {}) => {
    const parameters = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
    return api.get(`/v1/agreement?${new URLSearchParams(parameters).toString()}`);
  };
  const referencesOf = async (query: Record<string, string | number>) => {
    const { body } = await list(query);
    return (body['items'] as { reference: string }[]).map(({ reference }) => reference);
  };
  const made = async (idHash: string, fields: Record<string, unknown> = {}) =>
    (await api.create({ id_hash: idHash, ...fields })).body as { reference: string; created_at: string };

  it('shows what a single one shows, newest first, and an end', async () => {
    const [first, second] = [await made('shown'), await made('shown', { metadata: { a: 'b' }, locale: 'en' })];
    await Promise.all([first, second].map(({ reference }) => api.until(reference, { delivery: 'sent' })));
    const { status, body } = await list({ id_hash: 'shown' });
    expect(status).toBe(200);
    const singles = await Promise.all([second, first].map(({ reference }) => api.get(`/v1/agreement/${reference}`)));
    expect(body).toEqual({ items: singles.map((single) => single.body), next_cursor: null });
  });

  it('is empty where nothing fits', async () => {
    expect((await list({ id_hash: 'nobody' })).body).toEqual({ items: [], next_cursor: null });
  });

  it('walks 45 agreements in pages without a gap or a repeat while others are made', async () => {
    const expected: string[] = [];
    for (let index = 0; index < 45; index += 1) expected.unshift((await made('walked')).reference);
    const seen: string[] = [];
    const sizes: number[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const { body } = await list({ id_hash: 'walked', limit: 10, ...(cursor === undefined ? {} : { cursor }) });
      const page = (body['items'] as { reference: string }[]).map(({ reference }) => reference);
      seen.push(...page);
      sizes.push(page.length);
      cursor = body['next_cursor'] as string | null;
      await Promise.all([made('walked'), made('walked')]);
    }
    expect(sizes).toEqual([10, 10, 10, 10, 5]);
    expect(seen).toEqual([...expected].sort().reverse());
  });

  it('gives 20 to a page unless told otherwise, and says that there are more only where there are', async () => {
    for (let index = 0; index < 21; index += 1) await made('twenty');
    const { body } = await list({ id_hash: 'twenty' });
    expect(body['items']).toHaveLength(20);
    expect(body['next_cursor']).toBe(body['items'][19].reference);
    expect((await list({ id_hash: 'twenty', limit: 21 })).body['next_cursor']).toBeNull();
    expect((await list({ id_hash: 'twenty', limit: 100 })).body['items']).toHaveLength(21);
    expect((await list({ id_hash: 'twenty', limit: 1 })).body['items']).toHaveLength(1);
    expect(await referencesOf({ id_hash: 'twenty', cursor: body['next_cursor'] })).toHaveLength(1);
  });

  it('narrows down by id_hash, document and status, also together', async () => {
    const document = (id: string, version = '1') => ({ document: { id, version, sha256: SHA256 } });
    const [a1, a2, b] = [
      await made('A', document('one')),
      await made('A', document('two', '9')),
      await made('B', document('one')),
    ];
    expect(await referencesOf({ id_hash: 'A' })).toEqual([a2.reference, a1.reference]);
    expect(await referencesOf({ document_id: 'one' })).toEqual([b.reference, a1.reference]);
    expect(await referencesOf({ id_hash: 'A', document_id: 'one' })).toEqual([a1.reference]);
    expect(await referencesOf({ id_hash: 'a' })).toEqual([]);
    await api.post(`/v1/agreement/${a1.reference}/cancel`);
    expect(await referencesOf({ id_hash: 'A', status: 'cancelled' })).toEqual([a1.reference]);
    expect(await referencesOf({ id_hash: 'A', status: 'pending' })).toEqual([a2.reference]);
    for (const status of ['confirmed', 'rejected', 'expired', 'withdrawn']) {
      expect(await referencesOf({ id_hash: 'A', status })).toEqual([]);
    }
  });

  it('takes created_after in and created_before out, to the millisecond', async () => {
    const one = await made('timed');
    const { created_at: time, reference } = one;
    const shifted = (milliseconds: number) => new Date(Date.parse(time) + milliseconds).toISOString();
    const found = (query: Record<string, string>) => referencesOf({ id_hash: 'timed', ...query });
    expect(await found({ created_after: time })).toEqual([reference]);
    expect(await found({ created_after: shifted(1) })).toEqual([]);
    expect(await found({ created_before: time })).toEqual([]);
    expect(await found({ created_before: shifted(1) })).toEqual([reference]);
    expect(await found({ created_after: time, created_before: shifted(1) })).toEqual([reference]);
    const inMoscow = new Date(Date.parse(time) + 10_800_000).toISOString().replace('Z', '+03:00');
    expect(await found({ created_after: inMoscow })).toEqual([reference]);
    for (const extreme of ['0001-01-01T00:00:00Z', '1969-12-31T23:59:59Z']) {
      expect(await found({ created_after: extreme })).toEqual([reference]);
    }
    expect(await found({ created_after: '9999-12-31T23:59:59Z' })).toEqual([]);
  });

  it.each([
    ...[
      'limit=0',
      'limit=101',
      'limit=-1',
      'limit=1.5',
      'limit=1e1',
      'limit=',
      'limit=ten',
      'limit=%31%00',
      'limit=١٠',
    ],
    ...['limit=10&limit=10', 'limit[]=10', 'limit=99999999999999999999', 'limit= 10'],
    ...['cursor=', 'cursor=x', 'cursor=019aa3b2', "cursor=' OR 1=1", 'cursor=%00', 'cursor[a]=b', 'cursor=null'],
    ...[
      'status=',
      'status=PENDING',
      'status=open',
      'status=pending&status=confirmed',
      'status[]=pending',
      'status=%00',
    ],
    ...['id_hash=', 'id_hash=a%20b', 'id_hash=%00', 'id_hash=%D1%8F', 'id_hash=a&id_hash=b'],
    ...['document_id=', 'document_id=a/b', 'document_id=a&document_id=a', `document_id=${'a'.repeat(65)}`],
    ...['created_after=', 'created_after=2026-01-31', 'created_after=2026-02-30T00:00:00Z', 'created_before=yesterday'],
    ...[
      'created_before=2026-01-31T00:00:00+03:00',
      'created_after=1767225600',
      'created_after=2026-01-31T00:00:00Z&created_after=x',
    ],
    ...[
      'offset=1',
      'constructor=x',
      '__proto__=x',
      'toString=x',
      'client=other',
      'Limit=10',
      '=',
      '%00=x',
      '%zz',
      'limit=10;status=x',
    ],
  ])('refuses ?%s', async (query) => {
    const { status, body } = await api.get(`/v1/agreement?${query}`);
    expect([status, body['code']]).toEqual([422, 'validation_failed']);
    expect(body['errors']).toEqual([{ field: expect.any(String), message: expect.any(String) }]);
  });

  it('takes the cursor of a page that is gone, in either case', async () => {
    const { reference } = await made('gone');
    const cursor = 'ffffffff-ffff-7fff-bfff-ffffffffffff';
    expect(await referencesOf({ id_hash: 'gone', cursor })).toEqual([reference]);
    expect(await referencesOf({ id_hash: 'gone', cursor: cursor.toUpperCase() })).toEqual([reference]);
    expect(await referencesOf({ id_hash: 'gone', cursor: '00000000-0000-7000-8000-000000000000' })).toEqual([]);
  });
});
