import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { TwilioSettings } from '../src/config.js';
import type { SmsMessage } from '../src/messaging/sms/sms-gateway.js';
import { TwilioGateway } from '../src/messaging/sms/twilio-gateway.js';
import { Secret } from '../src/secret.js';
import { bringPrism, describeWithPrism, fieldsOf, Prism } from './support/prism.js';
import { ACCOUNT_SID, AUTH_TOKEN, startTwilio, type TwilioServer } from './support/twilio-server.js';

const MESSAGES = '/2010-04-01/Accounts/{AccountSid}/Messages.json';
const SERVICE_SID = `MG${'0123456789ABCDEF'.repeat(2)}`;
const WITH_SERVICE = { from: undefined, messagingServiceSid: SERVICE_SID };

const message: SmsMessage = {
  id: '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50',
  reference: '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f51',
  to: new Secret('+79161234567'),
  text: new Secret('042137 - код согласия & 100%\n\n@consent.example #042137'),
  mail: null,
};

const atHand = await bringPrism();

describeWithPrism('a text for Twilio, by the contract that Twilio publishes', atHand, () => {
  let prism: Prism;
  let twilio: TwilioServer;
  beforeAll(async () => {
    prism = await Prism.start(atHand);
    twilio = await startTwilio();
  }, 30_000);
  // Where the one has not come up, the other was not started.
  afterAll(() => Promise.all([prism?.stop(), twilio?.server.stop()]));

  const send = (settings: Partial<TwilioSettings>, baseUrl = prism.url, usefulBefore = 840_000) => {
    const account = { accountSid: ACCOUNT_SID, authToken: new Secret(AUTH_TOKEN), baseUrl };
    const sender = { from: '+15005550006', messagingServiceSid: undefined };
    const config = { http: { publicUrl: 'https://consent.example' } };
    const gateway = new TwilioGateway({ ...account, ...sender, ...settings }, config, pino({ level: 'silent' }));
    return gateway.send(message, { sendBefore: Infinity, usefulBefore, signal: AbortSignal.timeout(10_000) });
  };

  /** The request of the gateway, to be sent with a fault. */
  const requestOf = async () => {
    await send({}, twilio.environment['TWILIO_BASE_URL']);
    const { path, headers } = twilio.server.requests.at(-1)!;
    const { authorization = '', 'content-type': type = '' } = headers;
    return { path, authorization, type, body: new URLSearchParams(twilio.forms.at(-1)).toString() };
  };

  it.each([
    ['from a number', {}],
    ['from a messaging service', WITH_SERVICE],
  ])('is taken %s', async (_, settings) => {
    expect(await send(settings)).toEqual({ kind: 'accepted', messageId: expect.stringMatching(/^SM[\da-f]{32}$/i) });
  });

  it.each([
    ['from a number', {}],
    ['from a messaging service', WITH_SERVICE],
  ])('has no field that the contract does not know: %s', async (_, settings) => {
    await send(settings, twilio.environment['TWILIO_BASE_URL']);
    const sent = Object.keys(twilio.forms.at(-1)!);
    expect(sent).toHaveLength(5);
    expect(sent.filter((field) => !fieldsOf(atHand, MESSAGES).includes(field))).toEqual([]);
  });

  it('would be refused with a wrong sender, account or time', async () => {
    const wrong = { kind: 'unknown', reason: 'http_422' };
    expect(await send({ ...WITH_SERVICE, messagingServiceSid: 'Shop' })).toEqual(wrong);
    expect(await send({ accountSid: 'nobody' })).toEqual(wrong);
    expect(await send({}, prism.url, NaN)).toEqual(wrong);
  });

  it('would be refused without a person, by another path, as JSON and without a token', async () => {
    const statusOf = async (fault: Partial<Awaited<ReturnType<typeof requestOf>>>) => {
      const { path, authorization, type, body } = { ...(await requestOf()), ...fault };
      const headers = { 'content-type': type, ...(authorization === '' ? {} : { authorization }) };
      return (await fetch(prism.url + path, { method: 'POST', headers, body })).status;
    };
    expect(await statusOf({})).toBe(201);
    expect(await statusOf({ body: 'Body=042137&From=%2B15005550006' })).toBe(422);
    expect(await statusOf({ path: `/2010-04-01/Accounts/${ACCOUNT_SID}/Texts.json` })).toBe(404);
    expect(await statusOf({ type: 'application/json', body: '{"To": "+79161234567"}' })).toBe(415);
    expect(await statusOf({ authorization: '' })).toBe(401);
  });
});
