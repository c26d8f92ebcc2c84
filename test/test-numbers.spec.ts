import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Api, freshPhone, otherThan } from './support/api.js';
import { useDatabase } from './support/database.js';
import { raisedBy, watchEvents } from './support/raised-events.js';
import { startService, type TestService } from './support/service.js';
import { SmsServer } from './support/sms-server.js';

/** Neither is in a country that may be sent to; the second is no number at all. */
const [MOBILE, MAGIC] = ['+79990000001', '+15005550006'];
const CODE = '918273';
const TEST_PHONES = `${MOBILE}:${CODE},${MAGIC}:000042`;

/** One text an hour to anybody, and one create: the second is one too many under any of them. */
const ONE = '1/3600';
const LIMITS = {
  ...{
    LIMIT_PHONE: ONE,
    LIMIT_PHONE_ALL: ONE,
    LIMIT_PREFIX: ONE,
    LIMIT_COUNTRY: ONE,
    LIMIT_IP: ONE,
    LIMIT_CLIENT: ONE,
  },
  ...{ OTP_RESEND_INTERVAL: '0', PHONE_COUNTRIES: 'KZ' },
};

describe('a test number', () => {
  const database = useDatabase();
  let provider: SmsServer;
  let service: TestService;
  let api: Api;
  beforeAll(async () => {
    provider = await SmsServer.start();
    await watchEvents(database);
    service = await start({ TEST_PHONES, TEST_PHONES_ALLOWED: 'true' });
    ({ api } = service);
  });
  afterAll(() => provider.stop());

  const start = (more: Record<string, string>) =>
    startService(database, { ...provider.environment, ...LIMITS, ...more });
  const sent = async (phone = MOBILE) => {
    const { status, body } = await api.create({ phone });
    expect(status).toBe(201);
    await api.until(body['reference'], { delivery: 'sent' });
    return String(body['reference']);
  };

  it('confirms with its fixed code and gets no text, marked as a test in the answers and in every event', async () => {
    const reference = await sent('+7 (999) 000-00-01');

    expect((await api.get(`/v1/agreement/${reference}`)).body).toMatchObject({ test: true, phone: '+7999•••••01' });
    expect((await api.confirm(reference, CODE)).body).toMatchObject({ status: 'confirmed', test: true });
    expect((await api.confirm(reference, CODE)).body).toMatchObject({ code: 'already_confirmed' });
    const withdrawn = await api.post(`/v1/agreement/${reference}/withdraw`);
    expect(withdrawn.body).toMatchObject({ status: 'withdrawn', test: true });
    expect((await api.get('/v1/agreement')).body['items'][0]).toMatchObject({ reference, test: true });
    const events = await raisedBy(database, reference);
    expect(events.map(({ type, payload }) => [type, payload['test']])).toEqual([
      ['AgreementCreated', true],
      ['CodeSent', true],
      ['AgreementConfirmed', true],
      ['AgreementWithdrawn', true],
    ]);
    const heads = await database.query('SELECT DISTINCT test FROM raised WHERE aggregateid = $1', [reference]);
    expect(heads).toEqual([{ test: true }]);
    expect(events[1]?.payload).toMatchObject({ provider: 'test' });
    await nothingWentOut();
  });

  it('is refused by no limit and counts for none, also where it is no number at all', async () => {
    for (const phone of [MOBILE, MOBILE, MAGIC, MAGIC]) {
      const { status, headers, body } = await api.create({ phone });
      expect({ status, phone, quotas: headers.get('ratelimit') }).toEqual({ status: 201, phone, quotas: null });
      await api.until(body['reference'], { delivery: 'sent' });
    }
    const entries = await database.query(
      'SELECT FROM limit_entry WHERE num_nonnulls(contact, prefix, country, address) > 0',
    );
    expect(entries).toEqual([]);

    // The limits are on: a person's number has its one text, and no more.
    const person = { phone: '+77012345678' };
    expect((await api.create(person)).status).toBe(201);
    expect((await api.create(person)).body).toMatchObject({ status: 429 });
    expect(await provider.received('+77012345678')).toHaveLength(1);
    await sent();
    await nothingWentOut();
  });

  it('has the rules of any other: wrong codes cost attempts, and a further code brings new ones', async () => {
    const reference = await sent(MAGIC);
    for (const attempts_left of [2, 1, 0]) {
      expect((await api.confirm(reference, CODE)).body).toMatchObject({ code: 'code_invalid', attempts_left });
    }
    expect((await api.confirm(reference, '000042')).body).toMatchObject({ code: 'attempts_exhausted' });
    const resent = await api.post(`/v1/agreement/${reference}/resend`);
    expect(resent).toMatchObject({ status: 202, body: { codes_left: 3 } });
    await api.until(reference, { delivery: 'sent' });
    expect((await api.confirm(reference, '000042')).body).toMatchObject({ status: 'confirmed' });
    await nothingWentOut();
  });

  it('confirms nothing with its code but itself', async () => {
    const [one, other] = [await sent(MOBILE), await sent(MAGIC)];

    expect((await api.confirm(other, CODE)).body).toMatchObject({ code: 'code_invalid' });
    expect((await api.confirm(one, otherThan(CODE))).body).toMatchObject({ code: 'code_invalid' });
    expect((await api.create({ phone: freshPhone() })).body).toMatchObject({
      code: 'phone_not_allowed',
      reason: 'country',
    });
  });

  it('has a code that nobody can read: not in the log, not in the database, not in the outbox', async () => {
    await sent();
    const rows = await database.query<{ dump: string }>(`
      SELECT string_agg(row, ' ') AS dump FROM (
        SELECT agreement::text AS row FROM agreement UNION ALL SELECT raised::text FROM raised
        UNION ALL SELECT history::text FROM history UNION ALL SELECT send::text FROM send
      ) rows`);

    expect(rows[0]?.dump).toContain('AgreementCreated');
    expect(rows[0]?.dump).not.toContain(CODE);
    expect(service.log.join('\n')).not.toMatch(new RegExp(`${CODE}|\\${MOBILE}`));
  });

  it('is none any more where the setting is gone: what was pending confirms nothing and sends nothing', async () => {
    const pending = await sent();
    await service.stop();
    const bare = await start({});

    expect((await bare.api.confirm(pending, CODE)).body).toMatchObject({ code: 'code_invalid', attempts_left: 2 });
    const resent = await bare.api.post(`/v1/agreement/${pending}/resend`);
    expect(resent.status).toBe(202);
    await bare.api.until(pending, { delivery: 'sent' });
    expect((await bare.api.confirm(pending, CODE)).body).toMatchObject({ code: 'code_invalid' });
    expect((await bare.api.create({ phone: MOBILE })).body).toMatchObject({ code: 'phone_not_allowed' });
    await nothingWentOut();
  });

  async function nothingWentOut(): Promise<void> {
    expect(provider.requests.filter(({ body }) => [MOBILE, MAGIC].includes(body.to))).toEqual([]);
    expect(await database.query('SELECT FROM sandbox_message')).toEqual([]);
  }
});
