import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { freshPhone } from '../../../test/support/api.js';
import { answers, type SmsAnswer } from '../../../test/support/sms-server.js';
import {
  ACCOUNT_SID,
  AUTH_TOKEN,
  startTwilio,
  twilioAnswers,
  type TwilioServer,
} from '../../../test/support/twilio-server.js';
import type { TwilioSettings } from '../../config.js';
import { Secret } from '../../secret.js';
import type { SmsMessage, SmsOutcome, SmsTime } from './sms-gateway.js';
import { TwilioGateway } from './twilio-gateway.js';

const SID = `SM${'b'.repeat(32)}`;
const SERVICE_SID = `MG${'c'.repeat(32)}`;
const FROM = { From: '+15005550006' };
const TEXT = '042137 & код=согласия + 1';

const messageTo = (phone: string): SmsMessage => ({
  id: '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50',
  reference: '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f51',
  to: new Secret(phone),
  text: new Secret(TEXT),
  mail: null,
});

const timeOf = (milliseconds = 5_000, sendBefore = Infinity, usefulFor = 840_999): SmsTime => ({
  sendBefore,
  usefulBefore: performance.now() + usefulFor,
  signal: AbortSignal.timeout(milliseconds),
});

describe('the gateway twilio', () => {
  let twilio: TwilioServer;
  beforeAll(async () => {
    twilio = await startTwilio();
  });
  afterAll(() => twilio.server.stop());

  function gatewayWith(settings: Partial<TwilioSettings> = {}, publicUrl?: string) {
    const account = {
      accountSid: ACCOUNT_SID,
      authToken: new Secret(AUTH_TOKEN),
      baseUrl: twilio.environment['TWILIO_BASE_URL']!,
    };
    const sender = { from: '+15005550006', messagingServiceSid: undefined };
    const log = new PassThrough();
    const gateway = new TwilioGateway({ ...account, ...sender, ...settings }, { http: { publicUrl } }, pino(log));
    const logged = () => {
      log.end();
      return text(log);
    };
    return { gateway, logged };
  }

  /** What becomes of a text that gets this answer, how often Twilio has seen it, and what was logged. */
  async function outcomeOf(answer: SmsAnswer, time = timeOf()) {
    const phone = freshPhone();
    twilio.server.willAnswer(phone, answer);
    const { gateway, logged } = gatewayWith();
    const outcome = await gateway.send(messageTo(phone), time);
    return { outcome, requests: twilio.server.to(phone), log: await logged() };
  }

  it('posts the text as a form, under the name and token of the account', async () => {
    const phone = freshPhone();
    twilio.server.willAnswer(phone, twilioAnswers.created(SID));
    const { gateway } = gatewayWith();

    expect(await gateway.send(messageTo(phone), timeOf())).toEqual({ kind: 'accepted', messageId: SID });
    const [request] = twilio.server.to(phone);
    expect(request).toMatchObject({
      method: 'POST',
      path: `/2010-04-01/Accounts/${ACCOUNT_SID}/Messages.json`,
      headers: {
        authorization: `Basic ${Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
    });
    expect(twilio.forms.at(-1)).toEqual({ ...FROM, To: phone, Body: TEXT, ValidityPeriod: '840' });
    expect(gateway.deduplicates).toBe(false);
  });

  it.each<[string, Parameters<typeof gatewayWith>, Record<string, string>]>([
    [
      'a messaging service in place of a sender',
      [{ from: undefined, messagingServiceSid: SERVICE_SID }],
      { MessagingServiceSid: SERVICE_SID, ValidityPeriod: '840' },
    ],
    [
      'where its receipts go',
      [{}, 'https://consent.example/'],
      { ...FROM, ValidityPeriod: '840', StatusCallback: 'https://consent.example/v1/delivery/twilio' },
    ],
  ])('names %s', async (_, settings, form) => {
    const phone = freshPhone();
    twilio.server.willAnswer(phone, twilioAnswers.created());
    await gatewayWith(...settings).gateway.send(messageTo(phone), timeOf());
    expect(twilio.forms.at(-1)).toEqual({ ...form, To: phone, Body: TEXT });
  });

  it.each([
    [120_999, '120'],
    [86_400_000, '36000'],
    [Infinity, '36000'],
    [500, '1'],
  ])('has Twilio keep the text no longer than it is of use, in seconds: %d ms', async (usefulFor, validity) => {
    const phone = freshPhone();
    twilio.server.willAnswer(phone, twilioAnswers.created());
    await gatewayWith().gateway.send(messageTo(phone), timeOf(5_000, Infinity, usefulFor));
    expect(twilio.forms.at(-1)).toMatchObject({ To: phone, ValidityPeriod: validity });
  });

  it.each<[string, SmsAnswer, SmsOutcome]>([
    ['200 and a sid', twilioAnswers.created(SID, 200), { kind: 'accepted', messageId: SID }],
    ['201 without a sid', twilioAnswers.created(null), { kind: 'accepted', messageId: null }],
    ['201 and no JSON', (response) => void response.writeHead(201).end('<p>'), { kind: 'accepted', messageId: null }],
    ['201 and null', (response) => void response.writeHead(201).end('null'), { kind: 'accepted', messageId: null }],
    [
      '200 and what a portal says',
      (response) => void response.end('<p>Log in'),
      { kind: 'unknown', reason: 'http_200' },
    ],
    ['204', answers.acceptedWithout, { kind: 'unknown', reason: 'http_204' }],
  ])('is told by %s', async (_, answer, outcome) => {
    expect(await outcomeOf(answer)).toMatchObject({ outcome, requests: [{}], log: '' });
  });

  it.each([21211, 21217, 21265, 21610, 21612, 21614, 21635, '21610'])(
    'has no way to this number where Twilio says %p',
    async (code) => {
      const { outcome, requests, log } = await outcomeOf(twilioAnswers.refused(400, code));
      expect(outcome).toEqual({ kind: 'refused', reason: `twilio_${code}` });
      expect(requests).toHaveLength(1);
      expect(log).toBe('');
    },
  );

  it.each<[number, number | undefined, string]>([
    [401, 20003, 'twilio_20003'],
    [401, undefined, 'http_401'],
    [403, 20403, 'twilio_20403'],
    [404, 20404, 'twilio_20404'],
    [400, 21408, 'twilio_21408'],
    [400, 21606, 'twilio_21606'],
    [400, 21608, 'twilio_21608'],
    [400, 21609, 'twilio_21609'],
    [400, 21659, 'twilio_21659'],
    [400, 21703, 'twilio_21703'],
  ])('calls for the operator where the account or its settings are refused: %d %s', async (status, code, reason) => {
    const { outcome, log } = await outcomeOf(twilioAnswers.refused(status, code));
    expect(outcome).toEqual({ kind: 'refused', reason });
    expect(JSON.parse(log)).toMatchObject({
      level: 50,
      provider: 'twilio',
      reason,
      reference: messageTo('').reference,
    });
    expect(log).not.toMatch(/042137|\+7916\d{7}/);
    expect(log).not.toContain(AUTH_TOKEN);
  });

  it.each<[number, number | undefined, Record<string, string>, number | null, string]>([
    [429, 20429, {}, null, 'twilio_20429'],
    [429, 20429, { 'retry-after': '7' }, 7_000, 'twilio_20429'],
    [429, undefined, { 'retry-after': '1' }, 1_000, 'http_429'],
    [503, 20503, { 'retry-after': '2' }, 2_000, 'twilio_20503'],
    [503, undefined, {}, null, 'http_503'],
    [400, 21611, {}, null, 'twilio_21611'],
  ])('may try again where Twilio has not taken it: %d %s %j', async (status, code, headers, retryAfter, reason) => {
    const { outcome } = await outcomeOf(twilioAnswers.refused(status, code, headers));
    expect(outcome).toEqual({ kind: 'try_later', reason, retryAfter });
  });

  it.each<[number, unknown, string]>([
    [500, 20500, 'twilio_20500'],
    [500, 21211, 'twilio_21211'],
    [502, undefined, 'http_502'],
    [504, undefined, 'http_504'],
    [400, 29999, 'twilio_29999'],
    [400, '<script>', 'http_400'],
    [404, undefined, 'http_404'],
    [408, undefined, 'http_408'],
  ])('does not know whether it was taken: %d %s', async (status, code, reason) => {
    const { outcome, log } = await outcomeOf(twilioAnswers.refused(status, code));
    expect(outcome).toEqual({ kind: 'unknown', reason });
    expect(log).toBe('');
  });

  it('does not follow to another address, where the code has no business', async () => {
    const location = `${twilio.server.url}/elsewhere`;
    const { outcome, requests } = await outcomeOf(answers.status(307, { location }));
    expect(outcome).toEqual({ kind: 'unknown', reason: 'http_307' });
    expect(requests).toHaveLength(1);
  });

  it.each<[string, SmsAnswer, string]>([
    ['nothing', answers.hang, 'timeout'],
    ['nothing and closes the connection', answers.reset, 'ECONNRESET'],
    ['something that is not HTTP', answers.garbage, 'HPE_INVALID_CONSTANT'],
  ])('does not know whether it was taken where Twilio says %s', async (_, answer, reason) => {
    const { outcome, requests } = await outcomeOf(answer, timeOf(1_000));
    expect(outcome).toEqual({ kind: 'unknown', reason });
    expect(requests).toHaveLength(1);
  });

  it('reads no more than the beginning of 10 MB', async () => {
    const { outcome, requests } = await outcomeOf(answers.huge(10_000_000));
    expect(outcome).toEqual({ kind: 'unknown', reason: 'http_200' });
    expect(await requests[0]?.answered).toBeLessThan(5_000_000);
  });

  it('takes 201 for an answer that stops after it', async () => {
    const halfway: SmsAnswer = (response) => void response.writeHead(201, { 'content-length': '100' }).write('{"sid"');
    const { outcome } = await outcomeOf(halfway, timeOf(500));
    expect(outcome).toEqual({ kind: 'accepted', messageId: null });
  });

  it('sends nothing when it is too late, or where nobody listens', async () => {
    const { outcome, requests } = await outcomeOf(twilioAnswers.created(), timeOf(5_000, performance.now()));
    expect(outcome).toEqual({ kind: 'try_later', reason: 'late', retryAfter: null });
    expect(requests).toEqual([]);
    const { gateway } = gatewayWith({ baseUrl: 'http://127.0.0.1:1' });
    const unreachable = await gateway.send(messageTo(freshPhone()), timeOf());
    expect(unreachable).toEqual({ kind: 'try_later', reason: 'ECONNREFUSED', retryAfter: null });
  });
});
