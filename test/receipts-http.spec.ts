import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { type Answer, Api, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { raisedBy, watchEvents } from './support/raised-events.js';
import { lines, rawRequest } from './support/raw-request.js';
import { aSentText } from './support/receipts.js';
import { startService, type TestService } from './support/service.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { type TwilioCallback, twilioCallback } from './support/twilio-receipt.js';
import { startTwilio, twilioAnswers, type TwilioServer } from './support/twilio-server.js';
import { until } from './support/until.js';

const KEY = 'the-key';
const PATH = '/v1/delivery/twilio';
/** A proxy in front takes the path of PUBLIC_URL off. */
const PUBLIC_URL = 'https://consent.example/api/';
const SIGNED_URL = 'https://consent.example/api/v1/delivery/twilio';

describe('a receipt over HTTP', () => {
  const database = useDatabase();
  let twilio: TwilioServer;
  let proxy: TcpProxy;
  let service: TestService;
  let keyed: Api;
  beforeAll(async () => {
    twilio = await startTwilio();
    const between = await TcpProxy.before(database.url);
    proxy = between.proxy;
    await proxy.open();
    const API_KEYS = `shop:${createHash('sha256').update(KEY).digest('hex')}`;
    const providers = { ...twilio.environment, SMS_PROVIDERS: 'twilio,sandbox' };
    service = await startService(database, { ...providers, DATABASE_URL: between.url, PUBLIC_URL, API_KEYS });
    keyed = service.api.with({ authorization: `Bearer ${KEY}` });
    await watchEvents(database);
  });
  afterAll(async () => {
    await proxy.cut();
    await twilio.server.stop();
  });

  const post = ({ body, headers }: TwilioCallback, path = PATH): Promise<Answer> =>
    service.api.request('POST', path, body, headers);
  const callback = (fields: Record<string, string>, ...more: [signed?: Parameters<typeof twilioCallback>[2]]) =>
    twilioCallback({ AccountSid: 'AC0', ...fields }, SIGNED_URL, ...more);
  const text = () => aSentText(database, { provider: 'twilio' });
  const delivered = ({ messageId, phone }: Awaited<ReturnType<typeof text>>) => ({
    ...{ MessageSid: messageId ?? '', MessageStatus: 'delivered', To: phone },
  });
  const eventsOf = async (reference: string) => (await raisedBy(database, reference)).map(({ type }) => type);

  it('has the same code sent again by the next provider, and shows it: one text each', async () => {
    const [phone, sid] = [freshPhone(), `SM${'e'.repeat(32)}`];
    twilio.server.willAnswer(phone, twilioAnswers.created(sid));
    const { reference } = (await keyed.create({ phone })).body as { reference: string };
    await keyed.until(reference, { delivery: 'sent' });
    const said = callback({ MessageSid: sid, MessageStatus: 'undelivered', ErrorCode: '30003', To: phone });
    expect(await Promise.all(Array.from({ length: 20 }, () => post(said)))).toMatchObject(
      Array.from({ length: 20 }, () => ({ status: 204, body: {} })),
    );
    const code = await service.api.codeSentTo(phone);
    await until('the second CodeSent', async () => (await eventsOf(reference)).length === 4);
    expect(await eventsOf(reference)).toEqual(['AgreementCreated', 'CodeSent', 'CodeUndelivered', 'CodeSent']);
    expect(await service.api.messages(phone)).toHaveLength(1);
    expect(twilio.server.to(phone)).toHaveLength(1);
    expect(twilio.server.to(phone)[0]?.body.text).toContain(code);
    expect(await keyed.confirm(reference, code)).toMatchObject({ status: 200 });
  });

  it('is shown as the delivery of the agreement', async () => {
    const [good, bad] = [await text(), await aSentText(database, { provider: 'twilio', codeLeft: 60 })];
    const { status, headers, body } = await post(callback(delivered(good)));
    expect([status, body]).toEqual([204, {}]);
    expect(headers.get('cache-control')).toBe('no-store');
    await post(callback({ ...delivered(bad), MessageStatus: 'failed', ErrorCode: '30006' }));
    expect((await keyed.get(`/v1/agreement/${good.reference}`)).body).toMatchObject({
      ...{ delivery: 'delivered', delivery_reason: null },
    });
    expect((await keyed.get(`/v1/agreement/${bad.reference}`)).body).toMatchObject({
      ...{ delivery: 'undelivered', delivery_reason: 'unknown_number' },
    });
    await database.query('DELETE FROM send WHERE reference = ANY ($1)', [[good.reference, bad.reference]]);
    expect((await keyed.get(`/v1/agreement/${good.reference}`)).body).toMatchObject({ delivery: 'delivered' });
    expect((await keyed.get(`/v1/agreement/${bad.reference}`)).body).toMatchObject({
      ...{ delivery: 'undelivered', delivery_reason: 'unknown_number' },
    });
  });

  it('changes nothing when it is replayed, and steps on the way change nothing', async () => {
    const sent = await text();
    expect(await post(callback({ ...delivered(sent), MessageStatus: 'sent' }))).toMatchObject({ status: 204 });
    expect(await eventsOf(sent.reference)).toEqual([]);
    for (let times = 0; times < 3; times += 1)
      expect(await post(callback(delivered(sent)))).toMatchObject({ status: 204 });
    expect(await post(callback({ ...delivered(sent), MessageStatus: 'undelivered' }))).toMatchObject({ status: 204 });
    expect(await eventsOf(sent.reference)).toEqual(['CodeDelivered']);
  });

  it('is refused where nobody proved to be the provider; the log says so once a minute', async () => {
    const sent = await text();
    const fields = delivered(sent);
    const good = callback(fields);
    const forged: TwilioCallback[] = [
      callback(fields, { token: 'another-token' }),
      callback(fields, { url: `http://127.0.0.1${PATH}` }),
      callback(fields, { url: 'https://consent.example/v1/delivery/twilio' }),
      callback(fields, { fields: { ...fields, MessageStatus: 'sent' } }),
      { ...good, body: `${good.body}&More=1` },
      { ...good, body: '' },
      { ...good, headers: { ...good.headers, 'x-twilio-signature': '' } },
      { ...good, headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: `Bearer ${KEY}` } },
      {
        ...good,
        headers: { ...good.headers, 'content-type': 'application/json', 'x-twilio-signature': 'x'.repeat(4000) },
      },
    ];
    const before = service.log.length;
    for (const one of forged) {
      const { status, headers, body } = await post(one);
      expect({ status, body }).toMatchObject({ status: 401, body: { code: 'unauthorized', reason: 'signature' } });
      expect(JSON.stringify(body)).not.toContain('API');
      expect(headers.get('www-authenticate')).toBe('Signature');
    }
    expect((await post(good, `${PATH}?to=elsewhere`)).status).toBe(401);
    expect(await eventsOf(sent.reference)).toEqual([]);
    const warned = service.log.slice(before).filter((line) => line.includes('a receipt was refused'));
    expect(warned).toHaveLength(1);
  });

  it('is not understood where the provider says what we do not know', async () => {
    for (const fields of [{ MessageStatus: 'delivered' }, { MessageSid: 'x', MessageStatus: 'exploded' }]) {
      const { status, body } = await post(callback(fields));
      expect({ status, body }).toMatchObject({ status: 400, body: { code: 'malformed_request', reason: 'receipt' } });
    }
  });

  it.each(['http', 'sandbox', 'smpp', 'nobody', '__proto__', 'constructor', 'TWILIO', 'twilio%00'])(
    'of %s, which signs nothing here, finds no route',
    async (provider) => {
      const path = `/v1/delivery/${provider}`;
      expect(await post(callback({}), path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    },
  );

  it('may be JSON or a form of 256 KiB, as it is; forms are taken nowhere else', async () => {
    const sent = await text();
    const take = (fields: TwilioCallback, headers: Record<string, string> = {}) =>
      post({ ...fields, headers: { ...fields.headers, ...headers } });
    const full = { ...delivered(sent), Filling: '' };
    const filling = 'x'.repeat(256 * 1024 - callback(full).body.length);
    expect(await post(callback({ ...full, Filling: `${filling}x` }))).toMatchObject({ status: 413 });
    expect(await take(callback(full), { 'content-type': 'text/plain' })).toMatchObject({ status: 415 });
    expect(await take(callback(full), { 'content-encoding': 'gzip' })).toMatchObject({ status: 415 });
    expect(await eventsOf(sent.reference)).toEqual([]);
    expect(await post(callback({ ...full, Filling: filling }))).toMatchObject({ status: 204 });
    expect(await eventsOf(sent.reference)).toEqual(['CodeDelivered']);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    for (const path of ['/v1/agreement', `/v1/agreement/${sent.reference}`, `/v1/agreement/${sent.reference}/cancel`]) {
      const answer = await keyed.request('POST', path, 'code=123456', form);
      expect(answer).toMatchObject({ status: 415, body: { code: 'malformed_request' } });
      expect((await service.api.request('POST', path, 'code=123456', form)).status).toBe(401);
    }
  });

  it('is a POST', async () => {
    const { status, headers } = await service.api.get(PATH);
    expect([status, headers.get('allow')]).toEqual([405, 'OPTIONS, POST']);
  });

  it('of a text that we do not know is taken, and kept without the number', async () => {
    await post(callback({ MessageSid: 'nobodys', MessageStatus: 'delivered', To: freshPhone() }));
    const kept = await database.query(
      'DELETE FROM delivery_receipt RETURNING provider, message_ids, recipients, state',
    );
    const recipients = [expect.any(Buffer)];
    expect(kept).toEqual([{ provider: 'twilio', message_ids: ['nobodys'], recipients, state: 'delivered' }]);
  });

  it('is to be said again while the database is away; a forgery is found out all the same', async () => {
    const sent = await text();
    await proxy.cut();
    const { status, headers, body } = await post(callback(delivered(sent)));
    expect([status, headers.get('retry-after'), body['code']]).toEqual([503, '2', 'unavailable']);
    expect(await post(callback(delivered(sent), { token: 'another-token' }))).toMatchObject({ status: 401 });
    await proxy.open();
    await until('the database is back', async () => (await post(callback(delivered(sent)))).status === 204);
    expect(await eventsOf(sent.reference)).toEqual(['CodeDelivered']);
  });

  it('of the gateway behind http is JSON with a signature that is good for five minutes, and needs no PUBLIC_URL', async () => {
    const secret = `whsec_${Buffer.alloc(24, 5).toString('base64')}`;
    const gateway = { SMS_PROVIDERS: 'http', SMS_HTTP_URL: 'http://127.0.0.1:1', SMS_HTTP_TOKEN: 't' };
    const open = await startService(database, { ...gateway, SMS_HTTP_WEBHOOK_SECRET: secret });
    const sent = await aSentText(database, { provider: 'http', messageId: null });
    const said = JSON.stringify({ data: { id: sent.id, to: sent.phone, status: 'delivered' } });
    const signedAt = (at: number, body = said) => ({
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(at / 1000)),
      'webhook-signature': new Webhook(secret).sign('msg_1', new Date(at), body),
    });
    const take = (headers: Record<string, string>) => open.api.request('POST', '/v1/delivery/http', said, headers);
    for (const headers of [{}, signedAt(Date.now() - 6 * 60_000), signedAt(Date.now(), `${said} `)]) {
      expect(await take(headers)).toMatchObject({ status: 401, body: { reason: 'signature' } });
    }
    expect(await eventsOf(sent.reference)).toEqual([]);
    expect(await take(signedAt(Date.now()))).toMatchObject({ status: 204 });
    expect(await eventsOf(sent.reference)).toEqual(['CodeDelivered']);
    await open.stop();
  });

  describe('to a service without API keys', () => {
    it('may name the host of PUBLIC_URL, and no foreign one', async () => {
      const open = await startService(database, { ...twilio.environment, PUBLIC_URL });
      const { body, headers } = twilioCallback({ MessageSid: 'x', MessageStatus: 'sent' }, SIGNED_URL);
      const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      const to = (host: string) =>
        rawRequest(
          open.url,
          lines(`POST ${PATH} HTTP/1.1`, `Host: ${host}`, ...fields, `Content-Length: ${body.length}`) + body,
        );
      expect(await to('consent.example')).toMatchObject({ status: 204 });
      expect(await to('evil.example')).toMatchObject({ status: 403, body: { reason: 'host' } });
      await open.stop();
    });

    it('cannot be checked without PUBLIC_URL: there is no such route, and the log says why', async () => {
      const without = await startService(database, twilio.environment);
      const { body, headers } = twilioCallback({ MessageSid: 'x', MessageStatus: 'sent' }, without.url + PATH);
      expect(await without.api.request('POST', PATH, body, headers)).toMatchObject({ status: 404 });
      expect(without.log.filter((line) => line.includes('PUBLIC_URL is not set'))).toHaveLength(1);
      await without.stop();
    });
  });
});
