import { createHash, randomUUID } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database, Statement } from '../src/database/index.js';
import { SandboxGateway } from '../src/messaging/sms/sandbox-gateway.js';
import type { Receipt, SmsMessage } from '../src/messaging/sms/sms-gateway.js';
import { Secret } from '../src/secret.js';
import { Api, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { raisedBy, watchEvents } from './support/raised-events.js';
import { lines, rawRequest } from './support/raw-request.js';
import { startService } from './support/service.js';
import { until } from './support/until.js';

const SWITCHES = '/sandbox/switches';
const PAGE = 'https://shop.example';
const ALL_OFF = { undelivered: false, slow: false, down: false };
const JSON_TYPE = { 'content-type': 'application/json' };
const CROSS = { ...JSON_TYPE, 'sec-fetch-site': 'cross-site', origin: 'http://localhost' };

describe('the switches of the sandbox', () => {
  const database = useDatabase();
  let api: DocumentedApi;
  beforeAll(async () => {
    await watchEvents(database);
    const { url } = await startService(database, { OTP_RESEND_INTERVAL: '0', CORS_ORIGINS: PAGE });
    api = new DocumentedApi(url);
  });
  beforeEach(async () => {
    await turn(ALL_OFF);
  });

  const stand = async () => (await api.get(SWITCHES)).body;
  const turn = (switches: object, headers = {}) => api.request('PUT', SWITCHES, switches, headers);
  const listed = async (phone: string) =>
    (await api.get(`/sandbox/messages?phone=${encodeURIComponent(phone)}`)).body['messages'] as object[];

  it('are off until somebody turns them on, each by itself, and say how they stand', async () => {
    expect(await database.query('SELECT undelivered, slow, down FROM sandbox_switch')).toEqual([ALL_OFF]);
    expect(await turn({ slow: true })).toMatchObject({ status: 200, body: { ...ALL_OFF, slow: true } });
    expect((await turn({ down: true })).body).toEqual({ undelivered: false, slow: true, down: true });
    expect((await turn({})).body).toEqual({ undelivered: false, slow: true, down: true });
    expect(await stand()).toEqual({ undelivered: false, slow: true, down: true });
    await database.query('DELETE FROM sandbox_switch');
    expect(await stand()).toEqual(ALL_OFF);
    await api.createAndAwaitCode();
    expect((await turn({ undelivered: true })).body).toEqual({ ...ALL_OFF, undelivered: true });
  });

  it.each([{ slow: 'true' }, { slow: 1 }, { slow: null }, { fast: true }, [], 'null', '"slow"'])(
    'are not moved by %j',
    async (body) => {
      expect(await turn(body as object)).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
      expect(await stand()).toEqual(ALL_OFF);
    },
  );

  it.each<[string, number, string, Record<string, string>]>([
    ['a page of another origin', 403, 'localhost', { ...JSON_TYPE, origin: PAGE }],
    ['a page of nowhere', 403, 'localhost', { ...JSON_TYPE, origin: 'null' }],
    ['a page of another port', 403, 'localhost', { ...JSON_TYPE, origin: 'http://localhost:8080' }],
    ['a browser for another site', 403, 'localhost', { ...JSON_TYPE, 'sec-fetch-site': 'cross-site' }],
    ['a browser for a sister site', 403, 'localhost', { ...JSON_TYPE, 'sec-fetch-site': 'same-site' }],
    ['a browser for another site, which is bound to us', 403, 'localhost', CROSS],
    ['a name that is bound to us', 403, 'evil.example', { ...JSON_TYPE, origin: 'http://evil.example' }],
    ['a simple request', 415, 'localhost', { 'content-type': 'text/plain' }],
    ['a form', 415, 'localhost', { 'content-type': 'application/x-www-form-urlencoded' }],
  ])('are not moved by %s', async (_, status, host, headers) => {
    const body = '{"down":true}';
    const head = { host, 'content-length': String(body.length), ...headers };
    const fields = Object.entries(head).map(([name, value]) => `${name}: ${value}`);
    const answer = await rawRequest(api.url, lines(`PUT ${SWITCHES} HTTP/1.1`, ...fields) + body);
    expect(answer).toMatchObject({ status });
    expect(await stand()).toEqual(ALL_OFF);
  });

  it.each<Record<string, string>>([
    {},
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'same-origin', origin: 'own' },
    // Behind a proxy that asks for us by another name.
    { 'sec-fetch-site': 'same-origin', origin: 'https://sandbox.example' },
    { origin: 'own' },
  ])('are moved by who is here: %j', async (headers) => {
    const own = headers['origin'] === 'own' ? { origin: api.url } : {};
    expect((await turn({ slow: true }, { ...headers, ...own })).status).toBe(200);
    expect((await stand())['slow']).toBe(true);
  });

  it('leave a list for whom it is asked, however that is typed', async () => {
    const [phone, name] = [freshPhone(), `Ivan-${randomUUID()}`];
    const people = [{ phone }, { email: `${name}@Example.COM` }, { email: `${name}@почта.рф` }];
    for (const each of people) expect((await api.post('/v1/agreement', { id_hash: 'x', ...each })).status).toBe(201);
    const to = async (query: Record<string, string>) => {
      const { body } = await api.get(`/sandbox/messages?${new URLSearchParams(query)}`);
      return (body['messages'] as { to: string }[]).map((message) => message.to);
    };
    await until('all have arrived', async () =>
      (await Promise.all(people.map(to))).every(({ length }) => length === 1),
    );
    expect(await to({ phone: phone.replace(/(\+\d)(\d{3})(\d{3})/, '$1 ($2) $3-') })).toEqual([phone]);
    expect(await to({ email: `${name}@Example.COM` })).toEqual([`${name}@example.com`]);
    expect(await to({ email: `${name.toUpperCase()}@EXAMPLE.com` })).toEqual([`${name}@example.com`]);
    expect(await to({ email: ` ${name}@ПОЧТА.рф` })).toEqual([`${name}@xn--80a1acny.xn--p1ai`]);
    expect(await to({ phone, email: `${name}@почта.рф` })).toHaveLength(2);
    for (const nobody of [{ email: 'ivan' }, { email: '%@example.com' }, { phone: '+7916' }, { phone: 'x' }]) {
      expect(await to(nobody as Record<string, string>)).toEqual([]);
    }
  });

  it('down: the text waits, and arrives when the provider is back', async () => {
    await turn({ down: true });
    const phone = freshPhone();
    const { body } = await api.create({ phone });
    const tried = () =>
      database.query('SELECT outcome, reason FROM send_try WHERE reference = $1', [body['reference']]);
    const [first] = await until('it was tried', async () => {
      const tries = await tried();
      return tries[0]?.['outcome'] ? tries : undefined;
    });
    expect(first).toEqual({ outcome: 'try_later', reason: 'sandbox_down' });
    expect(await listed(phone)).toEqual([]);
    await api.until(body['reference'], { delivery: 'queued' });

    await turn({ down: false });
    const code = await api.codeSentTo(phone);
    await api.until(body['reference'], { delivery: 'sent' });
    expect(await listed(phone)).toHaveLength(1);
    expect((await api.confirm(body['reference'], code)).status).toBe(200);
  });

  it('slow: the text is taken at once and arrives ten seconds later', async () => {
    await turn({ slow: true });
    const phone = freshPhone();
    const { body } = await api.create({ phone });
    await api.until(body['reference'], { delivery: 'sent' });
    expect(await listed(phone)).toEqual([]);
    await database.query(`UPDATE sandbox_message SET visible_at = visible_at - interval '9.9 s' WHERE phone = $1`, [
      phone,
    ]);
    await api.codeSentTo(phone);
  });

  it('undelivered: the text is taken, and a receipt says that it did not arrive', async () => {
    await turn({ undelivered: true, slow: true });
    const phone = freshPhone();
    const { body } = await api.create({ phone });
    await api.until(body['reference'], { delivery: 'undelivered', delivery_reason: 'absent' });
    expect(await listed(phone)).toMatchObject([{ to: phone, delivery: 'undelivered' }]);
    const events = await raisedBy(database, body['reference'] as string);
    expect(events.map(({ type }) => type)).toEqual(['AgreementCreated', 'CodeSent', 'CodeUndelivered']);
    expect(events.at(-1)?.payload).toMatchObject({ generation: 1, provider: 'sandbox', reason: 'absent' });

    await turn(ALL_OFF);
    const { status } = await api.retried(() => api.post(`/v1/agreement/${body['reference']}/resend`));
    expect(status).toBe(202);
    await api.until(body['reference'], { delivery: 'sent' });
    expect(await listed(phone)).toMatchObject([{ delivery: 'sent' }, { delivery: 'undelivered' }]);
  });

  it('gives the same answer to who has it already only by its name', async () => {
    const phone = freshPhone();
    const path = `/sandbox/messages?phone=${encodeURIComponent(phone)}`;
    const changes: readonly (readonly [string, () => Promise<unknown>])[] = [
      [path, () => api.create({ phone }).then(() => api.codeSentTo(phone))],
      [SWITCHES, () => turn({ slow: true })],
    ];
    for (const [where, change] of changes) {
      const first = await api.get(where);
      const tag = first.headers.get('etag') ?? '';
      const again = (known: string) => new Api(api.url).get(where, { 'if-none-match': known });
      for (const known of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
        expect(await again(known)).toMatchObject({ status: 304, body: {} });
      }
      for (const known of ['"x"', '', tag.slice(1, -1)]) {
        expect(await again(known)).toMatchObject({ status: 200, body: first.body });
      }
      await change();
      expect(await again(tag)).toMatchObject({ status: 200 });
    }
  });

  it('answers its message with exactly what is documented', async () => {
    const { phone, reference } = await api.createAndAwaitCode();
    const [message] = await listed(phone);
    expect(Object.keys(message ?? {}).sort()).toEqual([
      ...['channel', 'delivery', 'html', 'id', 'reference', 'sent_at', 'subject', 'text', 'to'],
    ]);
    expect(message).toMatchObject({ reference, channel: 'sms', subject: null, html: null, delivery: 'sent' });
  });
});

describe('the gateway of the sandbox', () => {
  const database = useDatabase();
  const receipts: Receipt[] = [];
  let asked = 0;
  let refusing = false;
  const gateway = new SandboxGateway(
    {
      query: ({ text }: Statement, values: unknown[]) => {
        asked += 1;
        return database.query(text, values);
      },
    } as unknown as Database,
    async (receipt) => {
      if (refusing) throw new Error('away');
      receipts.push(receipt);
    },
  );
  const message = (fields: Partial<SmsMessage> = {}): SmsMessage => {
    const [to, text] = [freshPhone(), 'the code 123456'].map((one) => new Secret(one)) as [
      Secret<string>,
      Secret<string>,
    ];
    return { id: randomUUID(), reference: randomUUID(), to, text, mail: null, ...fields };
  };
  const turn = (name: string, on: boolean) => database.query(`UPDATE sandbox_switch SET ${name} = $1`, [on]);
  beforeEach(async () => {
    receipts.length = asked = 0;
    for (const name of ['undelivered', 'slow', 'down']) await turn(name, false);
  });

  it('takes a text with one statement, and once however often it comes', async () => {
    const text = message();
    const accepted = { kind: 'accepted', messageId: text.id };
    expect(await Promise.all([gateway.send(text), gateway.send(text)])).toEqual([accepted, accepted]);
    expect([asked, receipts]).toEqual([2, []]);
    expect(await database.query('SELECT id FROM sandbox_message WHERE id = $1', [text.id])).toHaveLength(1);
  });

  it('stays by what became of a text at its first try, whatever is switched before the next', async () => {
    const [arrived, lost] = [message(), message()];
    await gateway.send(arrived);
    await turn('undelivered', true);
    await gateway.send(lost);
    await gateway.send(arrived);
    expect(receipts.map(({ messageIds }) => messageIds)).toEqual([[lost.id]]);
    await turn('undelivered', false);
    await turn('down', true);
    expect(await gateway.send(lost)).toEqual({ kind: 'try_later', reason: 'sandbox_down', retryAfter: 2000 });
    await turn('down', false);
    expect(await gateway.send(lost)).toMatchObject({ kind: 'accepted' });
    expect(receipts).toMatchObject([lost, lost].map(({ id, to }) => ({ messageIds: [id], recipient: to })));
  });

  it('is asked again where the receipt could not be taken', async () => {
    await turn('undelivered', true);
    const text = message();
    refusing = true;
    expect(await gateway.send(text)).toMatchObject({ kind: 'try_later', reason: 'sandbox_unavailable' });
    refusing = false;
    expect(await gateway.send(text)).toMatchObject({ kind: 'accepted' });
    expect(receipts).toMatchObject([{ provider: 'sandbox', state: 'undelivered', reason: 'absent' }]);
  });

  it('keeps a mail with its subject and both its parts', async () => {
    const { url } = await startService(database, {
      API_KEYS: `shop:${createHash('sha256').update('x').digest('hex')}`,
    });
    const mail = { subject: 'Your code', html: new Secret('<p>123456</p>') };
    const sent = message({ to: new Secret('ivan@example.com'), mail });
    await gateway.send(sent);
    // Open without a key, as the texts are.
    const { body } = await new DocumentedApi(url).get('/sandbox/messages?email=Ivan%40Example.com');
    expect(body['messages']).toMatchObject([
      { id: sent.id, to: 'ivan@example.com', channel: 'email', subject: 'Your code', html: '<p>123456</p>' },
    ]);
    expect((await new DocumentedApi(url).request('PUT', SWITCHES, { slow: true })).status).toBe(200);
    expect((await fetch(`${url}/sandbox`)).status).toBe(200);
  });
});
