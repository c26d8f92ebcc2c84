import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, type Api, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { postKeyed } from './support/keyed-request.js';
import { useLimited } from './support/limited.js';

const database = useDatabase();
const limited = useLimited(database);

let block = 0;
/** Numbers of one prefix that no other test here uses. */
function neighbours(count: number, network = '+7917'): string[] {
  block += 1;
  const prefix = `${network}${String(100 + block)}`;
  return Array.from({ length: count }, (_, n) => `${prefix}${String(1000 + n)}`);
}

/** One after the other, at alternating processes. */
async function inTurn(apis: readonly Api[], phones: readonly string[], fields: object = {}): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const [n, phone] of phones.entries()) answers.push(await at(apis, n).create({ phone, ...fields }));
  return answers;
}

function at(apis: readonly Api[], n: number): Api {
  const api = apis[n % apis.length];
  if (!api) throw new Error('no process');
  return api;
}

const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status);
const rows = async (): Promise<unknown> => (await database.query('SELECT count(*) FROM agreement'))[0];

beforeAll(() => limited.start());
afterAll(() => limited.stop());

describe('a request that is over a limit already', () => {
  it('is refused without a row, says which limit and when to come back, and so does the other process', async () => {
    const apis = await limited.only({ all: { LIMIT_PHONE: '5/600,10/86400' } });
    const phone = freshPhone();
    expect(statuses(await inTurn(apis, new Array<string>(5).fill(phone)))).toEqual([201, 201, 201, 201, 201]);
    const before = await rows();
    for (const api of apis) {
      const { status, headers, body } = await api.create({ phone });
      expect(status).toBe(429);
      expect(body).toMatchObject({ code: 'send_limit_reached', limit: 'phone', retry_after: expect.any(Number) });
      expect(body['retry_after']).toBeGreaterThan(590);
      expect(body['retry_after']).toBeLessThanOrEqual(600);
      expect(headers.get('retry-after')).toBe(String(body['retry_after']));
    }
    expect(await rows()).toEqual(before);
    expect((await apis[0].create()).status).toBe(201);
  });

  it('counts what still waits to be sent', async () => {
    const [api] = await limited.only({ api: { LIMIT_PHONE: '2/600' } });
    const phone = freshPhone();
    expect(statuses(await inTurn([api], [phone, phone, phone]))).toEqual([201, 201, 429]);
  });

  it('counts further codes like first ones, and the agreement keeps its own limits first', async () => {
    const [api] = await limited.only({ all: { LIMIT_PHONE: '3/600', OTP_MAX_CODES: '2' } });
    const phone = freshPhone();
    const { body } = await api.create({ phone });
    await limited.codeSentTo(phone, 1);
    const resend = () => api.post(`/v1/agreement/${body['reference']}/resend`);
    await api.until(body['reference'], { delivery: 'sent' });
    expect((await resend()).status).toBe(202);
    await limited.codeSentTo(phone, 2);
    await api.until(body['reference'], { delivery: 'sent' });
    expect((await resend()).body).toMatchObject({ code: 'send_limit_reached', limit: 'agreement' });

    const other = await api.create({ phone });
    expect(other.status).toBe(201);
    await limited.codeSentTo(phone, 3);
    await api.until(other.body['reference'], { delivery: 'sent' });
    const refused = await api.post(`/v1/agreement/${other.body['reference']}/resend`);
    expect(refused).toMatchObject({ status: 429, body: { code: 'send_limit_reached', limit: 'phone' } });
    expect((await api.get(`/v1/agreement/${other.body['reference']}`)).body['codes_left']).toBe(1);
  });

  it('is taken again as soon as an agreement is confirmed', async () => {
    const [api] = await limited.only({ all: { LIMIT_PHONE: '1/600' } });
    const phone = freshPhone();
    const { body } = await api.create({ phone });
    expect((await api.create({ phone })).status).toBe(429);
    await api.confirm(body['reference'], await limited.codeSentTo(phone, 1));
    expect((await api.create({ phone })).status).toBe(201);
  });

  it.each([
    ['prefix', { LIMIT_PREFIX: '4/3600' }, '+7917'],
    ['country', { LIMIT_COUNTRY: '4/3600' }, '+7701'],
    ['client', { LIMIT_CLIENT: '4/3600' }, '+7917'],
  ])('is named by the limit %s', async (limit, env, network) => {
    const [api] = await limited.only({ all: env });
    const answers = await inTurn([api], neighbours(6, network));
    expect(statuses(answers)).toEqual([201, 201, 201, 201, 429, 429]);
    expect(answers[4]?.body).toMatchObject({ code: 'send_limit_reached', limit });
    expect(answers[4]?.headers.get('retry-after')).toBe(String(answers[4]?.body['retry_after']));
  });

  it('of a client does not count the repeats of one request', async () => {
    const [api] = await limited.only({ all: { LIMIT_CLIENT: '3/60' } });
    const body = { id_hash: 'a'.repeat(64), phone: freshPhone() };
    const keyed = (key: string) => postKeyed(`${api.url}/v1/agreement`, key, body);
    const repeats = await Promise.all(Array.from({ length: 50 }, () => keyed('one-and-the-same')));
    expect(new Set(repeats.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(repeats[0]?.status).toBe(201);
    expect((await keyed('a-second')).status).toBe(201);
    expect((await keyed('a-third')).status).toBe(201);
    expect(await keyed('a-fourth')).toMatchObject({ status: 429, code: 'send_limit_reached' });
    expect(await keyed('one-and-the-same')).toMatchObject({ status: 201, replayed: true });
  });

  it('of an address is rate_limited, by the address of the person where the caller gives it', async () => {
    const apis = await limited.only({ all: { LIMIT_IP: '3/3600' } });
    const from = (ip: string) => ({ subject: { ip } });
    const answers = await inTurn(apis, neighbours(4), from('203.0.113.7'));
    expect(statuses(answers)).toEqual([201, 201, 201, 429]);
    expect(answers[3]?.body).toMatchObject({ code: 'rate_limited', retry_after: expect.any(Number) });
    expect(statuses(await inTurn(apis, neighbours(1), from('203.0.113.8')))).toEqual([201]);
    const network = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:DB8:1:2::3', '2001:db8:1:2::4'];
    const oneSite = await Promise.all(network.slice(0, 3).map((ip) => apis[0].create(from(ip))));
    expect(statuses(oneSite)).toEqual([201, 201, 201]);
    expect((await apis[1].create(from(network[3] ?? ''))).status).toBe(429);
  });

  it('of the peer is not moved by X-Forwarded-For, unless the peer is a trusted proxy', async () => {
    const forged = (n: number) => ({ 'x-forwarded-for': `198.51.100.${n}, 198.51.100.${n + 100}` });
    const apis = await limited.only({ all: { LIMIT_IP: '3/3600' } });
    const untrusted: Answer[] = [];
    for (let n = 1; n <= 5; n += 1) untrusted.push(await at(apis, n).with(forged(n)).create());
    expect(statuses(untrusted)).toEqual([201, 201, 201, 429, 429]);

    const behind = await limited.only({ all: { LIMIT_IP: '3/3600', TRUSTED_PROXIES: '127.0.0.0/8' } });
    const trusted: Answer[] = [];
    for (let n = 1; n <= 5; n += 1) trusted.push(await at(behind, n).with(forged(n)).create());
    expect(statuses(trusted)).toEqual([201, 201, 201, 201, 201]);
  });
});

describe('RateLimit and RateLimit-Policy', () => {
  it('say what is left of the own limits, also in a refusal', async () => {
    const [api] = await limited.only({ all: { LIMIT_PHONE: '2/600,9/86400', LIMIT_CLIENT: '100/60' } });
    const phone = freshPhone();
    const answers = await inTurn([api], [phone, phone, phone]);
    expect(statuses(answers)).toEqual([201, 201, 429]);
    const policy = '"phone-600";q=2;w=600, "phone-86400";q=9;w=86400';
    expect(answers.map(({ headers }) => headers.get('ratelimit-policy'))).toEqual([
      `${policy}, "client-60";q=100;w=60`,
      `${policy}, "client-60";q=100;w=60`,
      policy,
    ]);
    const states = answers.map(({ headers }) => headers.get('ratelimit') ?? '');
    expect(states[0]).toMatch(/^"phone-600";r=1;t=600, "phone-86400";r=8;t=86400, "client-60";r=99;t=60$/);
    expect(states[1]).toMatch(/^"phone-600";r=0;t=(600|599), "phone-86400";r=7;/);
    expect(states[2]).toMatch(/^"phone-600";r=0;t=(600|59\d), "phone-86400";r=7;t=\d+$/);
  });

  it('show nothing of what other clients did', async () => {
    const keys = limited.clients('attacker', 'shop');
    const [api] = await limited.only({ all: { ...keys.env, LIMIT_PHONE: '5/600', LIMIT_PHONE_ALL: '20/86400' } });
    const [attacker, shop] = keys.headers.map((key) => api.with(key));
    const [phone, other] = [freshPhone(), freshPhone()];
    if (!attacker || !shop) throw new Error('two clients');
    expect(statuses(await inTurn([attacker], new Array<string>(6).fill(phone)))).toEqual([
      201, 201, 201, 201, 201, 429,
    ]);
    const [texted, untexted] = [await shop.create({ phone }), await shop.create({ phone: other })];
    expect(statuses([texted, untexted])).toEqual([201, 201]);
    const names = ['ratelimit', 'ratelimit-policy'];
    expect(names.map((name) => texted.headers.get(name))).toEqual(names.map((name) => untexted.headers.get(name)));
    expect(Object.keys(texted.body)).toEqual(Object.keys(untexted.body));
  });
});
