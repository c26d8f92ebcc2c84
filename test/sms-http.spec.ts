import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, codeIn, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { startService, type TestService } from './support/service.js';
import { answers, type SmsAnswer, SmsServer } from './support/sms-server.js';
import { until } from './support/until.js';

describe('the SMS provider http', () => {
  const database = useDatabase();
  let provider: SmsServer;
  let service: TestService;
  beforeAll(async () => {
    provider = await SmsServer.start();
    service = await startService(database, { ...provider.environment, SMS_TIMEOUT: '1' });
  });
  afterAll(() => provider.stop());

  /** Asks for an agreement whose first texts get these answers. */
  async function create(...script: SmsAnswer[]): Promise<{ phone: string; reference: string }> {
    const phone = freshPhone();
    provider.willAnswer(phone, ...script);
    const { body } = await service.api.create({ phone });
    return { phone, reference: body['reference'] };
  }

  async function delivery(reference: string, state: string): Promise<Answer['body']> {
    return until(`delivery ${state}`, async () => {
      const { body } = await service.api.get(`/v1/agreement/${reference}`);
      return body['delivery'] === state ? body : undefined;
    });
  }

  const sendOf = async (reference: string) =>
    (await database.query('SELECT * FROM send WHERE reference = $1', [reference]))[0];

  it('gets one POST with the text, and the code in it confirms', async () => {
    const { phone, reference } = await create();
    const [request, ...more] = await provider.received(phone);
    const { id = '', text = '' } = request?.body ?? {};
    expect(request).toMatchObject({
      method: 'POST',
      path: '/send',
      headers: {
        authorization: 'Bearer provider-token',
        'content-type': 'application/json',
        'idempotency-key': id,
      },
    });
    expect(request?.body).toEqual({ id, to: phone, text, sender: 'Agreement' });
    expect(id).toMatch(/^[\da-f-]{36}$/);
    expect(more).toEqual([]);

    await delivery(reference, 'sent');
    expect(await sendOf(reference)).toMatchObject({ id, provider: 'http', provider_message_id: 'm-1' });
    expect(await service.api.confirm(reference, codeIn(text))).toMatchObject({ status: 200 });
  });

  it.each<[string, SmsAnswer, string | null]>([
    ['200 and a message_id', answers.accepted({ message_id: 'abc' }, 200), 'abc'],
    ['202 and a message_id that is a number', answers.accepted({ message_id: 17 }), '17'],
    ['201 without a message_id', answers.accepted({}, 201), null],
    ['200 and JSON that is no object', answers.accepted(null, 200), null],
    ['204', answers.acceptedWithout, null],
    ['202 and a body that never ends', answers.hangInBody, null],
  ])('has taken the text where it says %s', async (_, answer, messageId) => {
    const { phone, reference } = await create(answer);
    await delivery(reference, 'sent');
    expect(await sendOf(reference)).toMatchObject({ state: 'sent', try: 1, provider_message_id: messageId });
    expect(provider.to(phone)).toHaveLength(1);
  });

  it('may say 10 MB: no more than the beginning is read', async () => {
    const { phone, reference } = await create(answers.huge(10_000_000));
    await delivery(reference, 'sent');
    const [request] = provider.to(phone);
    expect(await request?.answered).toBeLessThan(5_000_000);
  });

  it.each([400, 401, 403, 404, 409, 422])('has refused the text for good where it says %s', async (status) => {
    const { phone, reference } = await create(answers.status(status));
    const body = await delivery(reference, 'failed');
    expect(body).toMatchObject({ status: 'pending', delivery_reason: 'refused' });
    const [noted] = await database.query(
      `SELECT detail FROM history WHERE reference = $1 AND kind = 'code_undelivered'`,
      [reference],
    );
    expect(noted?.['detail']).toEqual({ generation: 1, channel: 'sms', provider: 'http', reason: 'refused' });
    expect(provider.to(phone)).toHaveLength(1);
  });

  it('is not followed to another address, where the code has no business', async () => {
    const { phone, reference } = await create(answers.status(307, { location: `${provider.url}/elsewhere` }));
    await delivery(reference, 'failed');
    expect(provider.to(phone).map(({ path }) => path)).toEqual(['/send']);
  });

  it.each<[string, SmsAnswer]>([
    ['408', answers.status(408)],
    ['425', answers.status(425)],
    ['429', answers.status(429)],
    ['500', answers.status(500)],
    ['503', answers.status(503)],
    ['503 and to come back at once', answers.status(503, { 'retry-after': '0' })],
    ['nothing within SMS_TIMEOUT', answers.hang],
    ['nothing and closes the connection', answers.reset],
    ['something that is not HTTP', answers.garbage],
  ])('is asked again a little later, with the same id and the same text, where it says %s', async (_, answer) => {
    const { phone, reference } = await create(answer);
    const [first, second] = await provider.received(phone, 2);
    expect(second?.body).toEqual(first?.body);
    expect(second?.headers['idempotency-key']).toBe(first?.body.id);
    expect(gap(first, second)).toBeGreaterThan(450);
    await delivery(reference, 'sent');
    expect(provider.to(phone)).toHaveLength(2);
  });

  it.each([
    ['in seconds', () => '2'],
    ['as a date', () => new Date(Date.now() + 3_000).toUTCString()],
  ])('says when it wants to be asked again, %s, and is not asked before', async (_, retryAfter) => {
    const { phone } = await create(answers.status(429, { 'retry-after': retryAfter() }));
    const [first, second] = await provider.received(phone, 2);
    expect(gap(first, second)).toBeGreaterThan(1_900);
    expect(gap(first, second)).toBeLessThan(5_000);
  });

  it('is not waited for beyond the life of the code', async () => {
    const { phone, reference } = await create(answers.status(503, { 'retry-after': '3600' }));
    expect(await delivery(reference, 'failed')).toMatchObject({ delivery_reason: 'expired' });
    expect(provider.to(phone)).toHaveLength(1);
  });

  it('leaves no token, phone number or code in the log', () => {
    const log = service.log.join('\n');
    expect(log).toContain('"outcome":"refused"');
    const secrets = provider.requests.flatMap(({ body }) => [body.to, codeIn(body.text)]);
    expect(['provider-token', ...secrets].filter((secret) => log.includes(secret))).toEqual([]);
  });
});

function gap(first: { readonly at: number } | undefined, second: { readonly at: number } | undefined): number {
  return (second?.at ?? 0) - (first?.at ?? 0);
}
