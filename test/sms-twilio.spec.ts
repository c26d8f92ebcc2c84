import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { codeIn, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { startService, type TestService } from './support/service.js';
import type { SmsAnswer } from './support/sms-server.js';
import { AUTH_TOKEN, startTwilio, twilioAnswers, type TwilioServer } from './support/twilio-server.js';

const SID = `SM${'d'.repeat(32)}`;

describe('the SMS provider twilio', () => {
  const database = useDatabase();
  let twilio: TwilioServer;
  let service: TestService;
  beforeAll(async () => {
    twilio = await startTwilio();
    service = await startService(database, { ...twilio.environment, PUBLIC_URL: 'https://consent.example' });
  });
  afterAll(() => twilio.server.stop());

  async function create(...script: SmsAnswer[]): Promise<{ phone: string; reference: string }> {
    const phone = freshPhone();
    twilio.server.willAnswer(phone, ...script);
    const { body } = await service.api.create({ phone });
    return { phone, reference: body['reference'] };
  }

  it('takes the text, and the code in it confirms', async () => {
    const { phone, reference } = await create(twilioAnswers.created(SID));
    await service.api.until(reference, { delivery: 'sent' });
    const [request, ...more] = twilio.server.to(phone);
    expect(more).toEqual([]);
    const { StatusCallback: callback, ValidityPeriod: seconds } = twilio.forms.at(-1)!;
    expect(callback).toBe('https://consent.example/v1/delivery/twilio');
    // Until the last minute of a code that lives for 15.
    expect(Number(seconds)).toBeGreaterThan(800);
    expect(Number(seconds)).toBeLessThanOrEqual(840);
    const [send] = await database.query('SELECT * FROM send WHERE reference = $1', [reference]);
    expect(send).toMatchObject({ provider: 'twilio', provider_message_id: SID });
    expect(await service.api.confirm(reference, codeIn(request!.body.text))).toMatchObject({ status: 200 });
  });

  it('refuses a person who has answered STOP; nothing more is sent', async () => {
    const { phone, reference } = await create(twilioAnswers.refused(400, 21610));
    expect(await service.api.until(reference, { delivery: 'failed' })).toMatchObject({ delivery_reason: 'refused' });
    expect(twilio.server.to(phone)).toHaveLength(1);
  });

  it('refuses the account: the log calls for the operator, and shows no token, number or code', async () => {
    const { phone, reference } = await create(twilioAnswers.refused(401, 20003));
    await service.api.until(reference, { delivery: 'failed' });
    const errors = service.log.filter((line) => JSON.parse(line).level === 50);
    expect(errors.map((line) => JSON.parse(line))).toMatchObject([
      { provider: 'twilio', reason: 'twilio_20003', reference },
    ]);
    const secrets = [AUTH_TOKEN, phone, codeIn(twilio.server.to(phone)[0]!.body.text)];
    expect(secrets.filter((secret) => service.log.join('\n').includes(secret))).toEqual([]);
  });
});
