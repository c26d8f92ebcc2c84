import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Api, codeIn, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { useProcesses } from './support/process.js';
import { startService, testEnvironment, type TestService } from './support/service.js';
import { answers, type SmsAnswer, SmsServer } from './support/sms-server.js';
import { until } from './support/until.js';

const LATER = answers.status(503, { 'retry-after': '1' });

describe('a send', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let provider: SmsServer;
  let running: TestService[] = [];
  beforeAll(async () => {
    provider = await SmsServer.start();
  });
  afterAll(() => provider.stop());

  const environment = (env: Record<string, string>) => ({
    ...provider.environment,
    SMS_TIMEOUT: '1',
    OTP_RESEND_INTERVAL: '0',
    ...env,
  });

  /** Services with these settings, and none of an earlier test beside them. */
  async function only(...environments: Record<string, string>[]): Promise<Api[]> {
    await Promise.all(running.map((service) => service.stop()));
    running = await Promise.all(environments.map((env) => startService(database, environment(env))));
    return running.map(({ api }) => api);
  }

  async function create(api: Api | undefined, ...script: SmsAnswer[]): Promise<{ phone: string; reference: string }> {
    const phone = freshPhone();
    provider.willAnswer(phone, ...script);
    const created = await api?.create({ phone });
    return { phone, reference: created?.body['reference'] };
  }

  async function sendIs(reference: string, expected: Record<string, unknown>, generation = 1): Promise<void> {
    const found = await until('the send has ended', async () => {
      const [row] = await database.query('SELECT * FROM send WHERE reference = $1 AND generation = $2', [
        reference,
        generation,
      ]);
      return row?.['state'] === 'queued' ? undefined : row;
    });
    expect(found).toMatchObject(expected);
  }

  async function historyOf(reference: string): Promise<unknown[]> {
    const rows = await database.query('SELECT kind FROM history WHERE reference = $1 ORDER BY seq', [reference]);
    return rows.map(({ kind }) => kind);
  }

  it('issues the code when it is first carried out, and the life of the code begins then', async () => {
    const [api] = await only({ ROLES: 'api' });
    const { phone, reference } = await create(api);
    const before = await api?.get(`/v1/agreement/${reference}`);
    expect(before?.body).toMatchObject({ delivery: 'queued', code_expires_at: null });
    expect(await api?.confirm(reference, '123456')).toMatchObject({ status: 409, body: { code: 'code_not_sent_yet' } });

    const [whole] = await only({});
    await provider.received(phone);
    const after = await whole?.get(`/v1/agreement/${reference}`);
    const [clock] = await database.query('SELECT now() AS now');
    const life = Date.parse(after?.body['code_expires_at']) - Number(clock?.['now']);
    expect(Math.round(life / 10_000)).toBe(90);
  });

  it('is not tried in the last quarter of a short life, and ends as expired', async () => {
    const [api] = await only({ OTP_TTL: '4' });
    const { phone, reference } = await create(api, ...Array.from({ length: 20 }, () => LATER));
    const [first] = await provider.received(phone);
    await sendIs(reference, { state: 'failed', reason: 'expired' });
    const [last] = provider.to(phone).slice(-1);
    expect(last).not.toBe(first);
    expect((last?.at ?? 0) - (first?.at ?? 0)).toBeLessThan(2_900);
    expect(await historyOf(reference)).toEqual(['created', 'code_issued', 'code_undelivered']);
  });

  it('that waited for longer than the agreement lives is not carried out', async () => {
    const [api] = await only({ ROLES: 'api', AGREEMENT_TTL: '1' });
    const { phone, reference } = await create(api);
    await until('it is over', async () => (await api?.get(`/v1/agreement/${reference}`))?.body['status'] === 'expired');
    await only({});
    await sendIs(reference, { state: 'failed', reason: 'closed' });
    expect(provider.to(phone)).toEqual([]);
  });

  it('ends without a further try when the agreement is cancelled', async () => {
    const [api] = await only({});
    const { phone, reference } = await create(api, LATER);
    await provider.received(phone);
    expect(await api?.post(`/v1/agreement/${reference}/cancel`)).toMatchObject({ status: 200 });
    await sendIs(reference, { state: 'failed', reason: 'closed', try: 2 });
    expect(provider.to(phone)).toHaveLength(1);
    expect(await historyOf(reference)).toEqual(['created', 'code_issued', 'cancelled']);
  });

  it('ends without a further try when the text had arrived after all and its code confirms', async () => {
    const [api] = await only({});
    const { phone, reference } = await create(api, answers.hang);
    const [request] = await provider.received(phone);
    expect(await api?.confirm(reference, codeIn(request?.body.text ?? ''))).toMatchObject({ status: 200 });
    await sendIs(reference, { state: 'failed', reason: 'closed' });
    expect(provider.to(phone)).toHaveLength(1);
  });

  it('of an older generation is not carried out once there is a newer one', async () => {
    const [api] = await only({});
    const { phone, reference } = await create(api);
    await sendIs(reference, { state: 'sent' });
    expect(await api?.post(`/v1/agreement/${reference}/resend`)).toMatchObject({ status: 202 });
    await provider.received(phone, 2);
    await only();
    await database.query(
      `UPDATE send SET state = 'queued', next_attempt_at = now() WHERE reference = $1 AND generation = 1`,
      [reference],
    );
    await only({});
    await sendIs(reference, { state: 'failed', reason: 'superseded' });
    expect(provider.to(phone)).toHaveLength(2);
  });

  it('is tried by one of two services at a time, however they meet', async () => {
    const [api] = await only({});
    const busy = answers.status(503, { 'retry-after': '60' });
    const created = await Promise.all(Array.from({ length: 30 }, () => create(api, busy)));
    await Promise.all(created.map(({ phone }) => provider.received(phone)));
    await only();
    // Due at once, and so slow to claim that both services are at it at the same time.
    await database.query(`
      UPDATE send SET next_attempt_at = now() WHERE state = 'queued';
      CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$;
      CREATE TRIGGER slow BEFORE UPDATE ON send FOR EACH ROW EXECUTE FUNCTION slow()`);
    // So long that no try is late because its claim was slow.
    await only({ SMS_TIMEOUT: '10' }, { SMS_TIMEOUT: '10' });
    await Promise.all(created.map(({ reference }) => sendIs(reference, { state: 'sent', try: 2 })));
    expect(created.filter(({ phone }) => provider.to(phone).length !== 2)).toEqual([]);
    await database.query('DROP TRIGGER slow ON send');
  });

  it('of a killed process comes again, the same text with the same id, but not before its lease is over', async () => {
    await only();
    const killed = await (await processes.start(testEnvironment(database, environment({ SMS_TIMEOUT: '5' })))).ready();
    const { phone, reference } = await create(killed.api, answers.hang);
    await provider.received(phone);
    await killed.kill();
    const [row] = await database.query('SELECT next_attempt_at - now() AS lease FROM send WHERE reference = $1', [
      reference,
    ]);
    expect((row?.['lease'] as { seconds: number }).seconds).toBeGreaterThan(5 + 10);

    await database.query('UPDATE send SET next_attempt_at = now() WHERE reference = $1', [reference]);
    await only({});
    await sendIs(reference, { state: 'sent', try: 2 });
    const [first, second, ...more] = provider.to(phone);
    expect(second?.body).toEqual(first?.body);
    expect(more).toEqual([]);
  });
});
