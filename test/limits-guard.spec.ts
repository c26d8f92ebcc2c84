import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Api } from './support/api.js';
import { useDatabase } from './support/database.js';
import { useLimited } from './support/limited.js';
import { until } from './support/until.js';

const database = useDatabase();
const limited = useLimited(database);
const GUARD = { GUARD_MIN_SENDS: '10', GUARD_MIN_CONVERSION: '0.2', GUARD_WINDOW: '3600' };

/** So many numbers of one prefix, beginning with the `from`-th. */
function numbers(prefix: string, count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}${String(1000 + from + n)}`);
}

/** Asks, waits for the texts, and confirms the first so many. */
async function text(api: Api, phones: readonly string[], confirmed = 0): Promise<void> {
  const references: string[] = [];
  for (const phone of phones) {
    const { status, body } = await api.create({ phone });
    expect(status).toBe(201);
    references.push(String(body['reference']));
  }
  for (const [n, phone] of phones.entries()) {
    const code = await limited.codeSentTo(phone, 1);
    if (n < confirmed) expect((await api.confirm(references[n] ?? '', code)).status).toBe(200);
  }
}

beforeAll(() => limited.start());
afterAll(() => limited.stop());

describe('a prefix that is texted much and confirms almost nothing', () => {
  it('is held back from the tenth on, at every process, with the time it will take; its neighbour is not', async () => {
    const apis = await limited.only({ all: GUARD });
    await text(apis[0], numbers('+7917201', 9));
    await text(apis[1], numbers('+7917201', 1, 9));
    for (const api of apis) {
      const refused = await until('the hold', async () => {
        const answer = await api.create({ phone: '+79172012222' });
        return answer.status === 429 ? answer : undefined;
      });
      expect(refused.body).toMatchObject({ code: 'send_limit_reached', limit: 'hold' });
      expect(refused.body['retry_after']).toBeGreaterThan(3_500);
      expect(refused.headers.get('retry-after')).toBe(String(refused.body['retry_after']));
    }
    expect((await apis[0].create({ phone: '+79172022222' })).status).toBe(201);
    const [hold] = await database.query(`SELECT label, sends::int, confirmed::int FROM limit_hold`);
    expect(hold).toEqual({ label: '+7917201', sends: 10, confirmed: 0 });
    const lines = limited.logs().filter((line) => line['msg'] === 'held back: no more texts there for now');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ kind: 'prefix', label: '+7917201', limit: 'hold', sends: 10, confirmed: 0 });
  });

  it('is not held back where one in five confirms', async () => {
    const [api] = await limited.only({ all: GUARD });
    await text(api, numbers('+7917203', 9), 2);
    await text(api, numbers('+7917203', 1, 9));
    expect((await api.create({ phone: '+79172032222' })).status).toBe(201);
  });

  it('is free again when its people confirm after all', async () => {
    const [api] = await limited.only({ all: GUARD });
    const phones = numbers('+7917204', 10);
    const created = await Promise.all(phones.map((phone) => api.create({ phone })));
    const codes = await Promise.all(phones.map((phone) => limited.codeSentTo(phone, 1)));
    const ask = () => api.create({ phone: '+79172042222' });
    await until('the hold', async () => (await ask()).status === 429);
    for (const n of [0, 1]) await api.confirm(String(created[n]?.body['reference']), codes[n] ?? '');
    await until('the end of the hold', async () => (await ask()).status === 201, 15_000);
  });

  it('is free again when the hour is over', async () => {
    const [api] = await limited.only({ all: { ...GUARD, GUARD_WINDOW: '4' } });
    const began = Date.now();
    await Promise.all(numbers('+7917205', 10).map((phone) => api.create({ phone })));
    const ask = () => api.create({ phone: '+79172052222' });
    await until('the hold', async () => (await ask()).body['limit'] === 'hold');
    await until('the end of the hold', async () => (await ask()).status === 201, 15_000);
    expect(Date.now() - began).toBeGreaterThan(3_500);
  });

  it('is not looked at where the guard is off', async () => {
    const [api] = await limited.only({ all: { ...GUARD, GUARD_MIN_CONVERSION: '0' } });
    await text(api, numbers('+7917206', 12));
    expect((await api.create({ phone: '+79172062222' })).status).toBe(201);
  });
});

describe('a country', () => {
  const KZ = (n: number) => `+7701${String(100 + n)}${String(1000 + n)}`;
  it('that is texted much and confirms almost nothing is held back only where it is asked for', async () => {
    const [api] = await limited.only({ all: { ...GUARD, GUARD_COUNTRIES: 'true' } });
    await database.query('DELETE FROM limit_entry');
    await Promise.all(Array.from({ length: 10 }, (_, n) => api.create({ phone: KZ(n) })));
    const refused = await until('the hold', async () => {
      const answer = await api.create({ phone: KZ(50) });
      return answer.status === 429 ? answer : undefined;
    });
    expect(refused.body).toMatchObject({ limit: 'hold' });
    expect((await api.create()).status).toBe(201);
  });

  it('is else reported, once', async () => {
    const [api] = await limited.only({ all: GUARD });
    await database.query('DELETE FROM limit_hold');
    expect((await api.create({ phone: KZ(51) })).status).toBe(201);
    const warned = () => limited.logs().filter(({ msg }) => msg === 'texted much and confirmed almost nothing');
    await until('the warning', () => warned().length === 2);
    expect(warned()[0]).toMatchObject({ country: 'KZ', confirmed: 0 });
  });
});

it('a limit too large to be looked at in the request is closed by the claim', async () => {
  const [api] = await limited.only({ all: { LIMIT_PREFIX: '1001/3600' } });
  await database.query('DELETE FROM limit_entry');
  await database.query(`
    INSERT INTO limit_entry (reference, generation, client, prefix, at, taken)
    SELECT gen_random_uuid(), 1, 'local', -1, now(), true FROM generate_series(1, 1000)`);
  const [first] = numbers('+7917207', 1);
  expect((await api.create({ phone: first })).status).toBe(201);
  await limited.codeSentTo(first ?? '', 1);
  await database.query(`UPDATE limit_entry SET prefix = (SELECT prefix FROM limit_entry WHERE prefix <> -1)`);
  const refused = await until('the refusal', async () => {
    const answer = await api.create({ phone: '+79172072222' });
    return answer.status === 429 ? answer : undefined;
  });
  expect(refused.body).toMatchObject({ code: 'send_limit_reached', limit: 'prefix' });
});
