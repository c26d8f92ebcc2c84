import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Api, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { useLimited } from './support/limited.js';
import { until } from './support/until.js';

const database = useDatabase();
const limited = useLimited(database);

/** So that none of them takes all that waits at once. */
const FEW = '8';

/** Creates that no early answer stops: this process allows whatever the senders do not. */
async function createAll(api: Api, phones: readonly string[], fields: object = {}): Promise<string[]> {
  const answers = await Promise.all(phones.map((phone) => api.create({ phone, ...fields })));
  expect(answers.map(({ status }) => status)).toEqual(phones.map(() => 201));
  return answers.map(({ body }) => String(body['reference']));
}

/** How each send ended, once all have. */
async function outcomes(references: readonly string[]): Promise<Record<string, number>> {
  const rows = await until('all sends are over', async () => {
    const found = await database.query<{ state: string; reason: string | null }>(
      `SELECT state, reason FROM send WHERE reference = ANY ($1) AND state <> 'queued'`,
      [references],
    );
    return found.length === references.length ? found : undefined;
  });
  const named = rows.map(({ state, reason }) => (reason === null ? state : `${state}: ${reason}`));
  return Object.fromEntries([...new Set(named)].map((name) => [name, named.filter((other) => other === name).length]));
}

describe('at the claim a limit is exact', () => {
  beforeAll(() => limited.start());
  afterAll(() => limited.stop());

  it('over two senders that claim at once: five texts to a number, whoever asked, and the rest fails visibly', async () => {
    const [api] = await limited.only({ workers: { LIMIT_PHONE: '5/600', SMS_CONCURRENCY: FEW } });
    const phone = freshPhone();
    await limited.holdSenders();
    const references = await createAll(api, new Array<string>(60).fill(phone));
    await limited.releaseSenders(references);

    expect(await outcomes(references)).toEqual({ sent: 5, 'failed: limit': 55 });
    expect(limited.provider.to(phone)).toHaveLength(5);
    const views = await Promise.all(references.map((reference) => api.get(`/v1/agreement/${reference}`)));
    const failed = views.filter(({ body }) => body['delivery'] === 'failed');
    expect(failed).toHaveLength(55);
    for (const { body } of failed) expect(body).toMatchObject({ status: 'pending', delivery_reason: 'limit' });
  });

  it('counts one number for each client, and over all of them', async () => {
    const keys = limited.clients('one', 'two', 'three');
    const [api] = await limited.only({
      api: keys.env,
      workers: { LIMIT_PHONE: '3/600', LIMIT_PHONE_ALL: '5/600' },
    });
    const phone = freshPhone();
    await limited.holdSenders();
    const byClient = await Promise.all(
      keys.headers.map((key) => createAll(api.with(key), new Array<string>(4).fill(phone))),
    );
    await limited.releaseSenders(byClient.flat());

    expect(await outcomes(byClient.flat())).toEqual({ sent: 5, 'failed: limit': 7 });
    for (const references of byClient) expect((await outcomes(references))['sent'] ?? 0).toBeLessThanOrEqual(3);
  });

  it('counts a prefix, a country and an address', async () => {
    for (const [limit, fields] of [
      ['LIMIT_PREFIX', {}],
      ['LIMIT_COUNTRY', {}],
      ['LIMIT_IP', { subject: { ip: '203.0.113.9' } }],
    ] as const) {
      const [api] = await limited.only({ api: { LIMIT_IP: '999/60' }, workers: { [limit]: '7/600' } });
      await database.query('DELETE FROM limit_entry');
      const phones = Array.from({ length: 20 }, (_, n) => `+7917555${String(1000 + n).padStart(4, '0')}`);
      await limited.holdSenders();
      const references = await createAll(api, phones, fields);
      await limited.releaseSenders(references);
      expect([limit, await outcomes(references)]).toEqual([limit, { sent: 7, 'failed: limit': 13 }]);
    }
  });

  it('counts a generation once, however often it is tried', async () => {
    const [api] = await limited.only({ workers: { LIMIT_PHONE: '2/600' } });
    const phone = freshPhone();
    limited.provider.willAnswer(phone, ...limited.later(4));
    const references = await createAll(api, [phone, phone]);
    expect(await outcomes(references)).toEqual({ sent: 2 });
    expect(limited.provider.to(phone).length).toBeGreaterThanOrEqual(6);
  });

  it('gives back what was confirmed', async () => {
    const [api] = await limited.only({ workers: { LIMIT_PHONE: '1/600' } });
    const phone = freshPhone();
    for (let n = 1; n <= 3; n += 1) {
      const [reference = ''] = await createAll(api, [phone]);
      const code = await limited.codeSentTo(phone, n);
      expect((await api.confirm(reference, code)).status).toBe(200);
    }
    const [unconfirmed = '', refused = ''] = [
      ...(await createAll(api, [phone])),
      ...(await limited.codeSentTo(phone, 4).then(() => createAll(api, [phone]))),
    ];
    expect(await outcomes([unconfirmed, refused])).toEqual({ sent: 1, 'failed: limit': 1 });
  });

  it('is a sliding window: what was sent just before the turn of an hour counts just after it', async () => {
    const [api] = await limited.only({ workers: { LIMIT_PHONE: '2/600' } });
    const phone = freshPhone();
    const early = await createAll(api, [phone, phone]);
    expect(await outcomes(early)).toEqual({ sent: 2 });
    const age = (seconds: number) =>
      database.query(`UPDATE limit_entry SET at = now() - make_interval(secs => $2) WHERE reference = ANY ($1)`, [
        early,
        seconds,
      ]);
    await age(598);
    expect(await outcomes(await createAll(api, [phone]))).toEqual({ 'failed: limit': 1 });
    await age(601);
    expect(await outcomes(await createAll(api, [phone, phone, phone]))).toEqual({ sent: 2, 'failed: limit': 1 });
  });

  it('does not count what was cancelled before it was sent', async () => {
    const [api] = await limited.only({});
    const phone = freshPhone();
    const cancelled = await createAll(api, [phone, phone, phone]);
    for (const reference of cancelled) await api.post(`/v1/agreement/${reference}/cancel`);
    const [wanted = ''] = await createAll(api, [phone]);
    await limited.work({ LIMIT_PHONE: '1/600' });
    expect(await outcomes([wanted])).toEqual({ sent: 1 });
    expect(await outcomes(cancelled)).toEqual({ 'failed: closed': 3 });
  });
});
