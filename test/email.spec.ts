import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { codeIn } from './support/api.js';
import { useDatabase } from './support/database.js';
import { DnsServer } from './support/dns-server.js';
import { DocumentedApi } from './support/documented-api.js';
import { MailServer } from './support/mail-server.js';
import { cliData, runCli } from './support/program.js';
import { raisedBy, watchEvents } from './support/raised-events.js';
import { startService, testEnvironment, type TestService } from './support/service.js';
import { until } from './support/until.js';

const MASK = 'c•••@e•••••.com';
const LIMITS = { LIMIT_PHONE: '3/600', LIMIT_PHONE_ALL: '20/86400', LIMIT_PREFIX: '2/600', LIMIT_COUNTRY: '2/600' };

const database = useDatabase();
let service: TestService;
let api: DocumentedApi;
let dns: DnsServer;

beforeAll(async () => {
  await watchEvents(database);
  dns = await DnsServer.start((name) => (name.startsWith('nothing.') ? 3 : [[10, 'mx.example']]));
  service = await startService(database, {
    ...LIMITS,
    ...{ EMAIL_BLOCKED_DOMAINS: 'throwaway.example', EMAIL_CHECK_MX: 'true', EMAIL_DNS_SERVERS: dns.address },
  });
  api = new DocumentedApi(service.url);
});
afterAll(() => dns.stop());

/** An address that nothing else looks like. */
const freshAddress = (): string => `canary-${randomUUID()}@example.com`;
const ask = (email: unknown, more: object = {}, headers = {}) =>
  api.post('/v1/agreement', { id_hash: 'somebody', email, ...more }, headers);
const rowsOf = async (reference: unknown): Promise<number> =>
  (await database.query('SELECT FROM agreement WHERE reference = $1', [reference])).length;
const mailsTo = async (email: string) => {
  const { body } = await api.get(`/sandbox/messages?email=${encodeURIComponent(email)}`);
  return body['messages'] as { text: string; reference: string; to: string }[];
};
const mailTo = async (email: string) => {
  return until(`a mail to ${email}`, async () => (await mailsTo(email))[0]);
};

describe('an agreement by e-mail', () => {
  it('is asked for at an address, shows its mask, and is confirmed by the code in the mail', async () => {
    const email = freshAddress();
    const { status, body, headers } = await ask(`  ${email.replace('example.com', 'EXAMPLE.com')} `);
    const reference = String(body['reference']);
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/v1/agreement/${reference}`);
    expect(body).toMatchObject({ phone: null, email: MASK, status: 'pending', delivery: 'queued' });

    const mail = await mailTo(email);
    expect(mail).toMatchObject({ reference, to: email });
    expect(await api.until(reference, { delivery: 'sent' })).toMatchObject({ phone: null, email: MASK });
    const { body: list } = await api.get('/v1/agreement?limit=1');
    expect(list['items']).toMatchObject([{ reference, phone: null, email: MASK }]);
    const confirmed = await api.confirm(reference, codeIn(mail.text));
    expect(confirmed).toMatchObject({ status: 200, body: { status: 'confirmed', email: MASK } });

    const events = await raisedBy(database, reference);
    expect(events.map(({ type }) => type)).toEqual(['AgreementCreated', 'CodeSent', 'AgreementConfirmed']);
    expect(events[1]?.payload).toMatchObject({ channel: 'email', provider: 'sandbox', generation: 1 });
    expect(JSON.stringify(events)).not.toMatch(/canary|example\.com/i);
  });

  it.each([
    [{}, 'phone'],
    [{ phone: '+79161234567', email: 'ivan@example.com' }, 'email'],
    [{ phone: null, email: 'ivan@example.com' }, 'phone'],
    [{ phone: '+79161234567', email: null }, 'email'],
    [{ email: '' }, 'email'],
    [{ email: 7 }, 'email'],
    [{ email: ['ivan@example.com'] }, 'email'],
    [{ email: `${'a'.repeat(321)}@example.com` }, 'email'],
    [{ email: 'iv\0an@example.com' }, 'email'],
    [{ email: 'ivan@example.com', mail: 'x' }, 'mail'],
  ])('needs one contact, a phone or an address: %j', async (contact, field) => {
    const { status, body } = await api.post('/v1/agreement', { id_hash: 'somebody', ...contact });
    expect([status, body['code']]).toEqual([422, 'validation_failed']);
    const fields = (body['errors'] as { field: string }[]).map((error) => error.field);
    expect(fields).toContain(field);
  });

  it.each([
    ['nobody', 'invalid', 'This is no e-mail address.'],
    ['"quoted"@example.com', 'invalid', 'This is no e-mail address.'],
    ['ivan@[192.0.2.1]', 'invalid', 'This is no e-mail address.'],
    ['ivan@example.com\r\nBcc: eve@example.com', 'invalid', 'This is no e-mail address.'],
    ['ivan@sub.Throwaway.example', 'blocked', 'Sending to addresses of this domain is not allowed.'],
    ['ivan@nothing.example', 'no_mx', 'The domain of this address takes no mail.'],
  ])('is refused without a row for %j: %s', async (email, reason, detail) => {
    const count = async () => (await database.query('SELECT count(*) FROM agreement'))[0];
    const before = await count();
    const { status, body } = await ask(email, {}, { 'accept-language': 'en' });
    expect([status, body['code'], body['reason'], body['detail']]).toEqual([422, 'email_not_allowed', reason, detail]);
    expect(JSON.stringify(body)).not.toContain(email.slice(0, 8));
    expect(await count()).toEqual(before);
  });

  it('counts by its address in whatever case, by no prefix and no country', async () => {
    const email = freshAddress();
    for (const written of [email, email.toUpperCase(), email.replace('canary', 'Canary')]) {
      expect((await ask(written)).status).toBe(201);
    }
    const refused = await ask(email, {}, { 'accept-language': 'en' });
    expect([refused.status, refused.body['limit']]).toEqual([429, 'phone']);
    expect(refused.body['detail']).toMatch(/number or address/);
    expect((await ask(freshAddress())).status).toBe(201);
    const held = await database.query(`SELECT FROM limit_entry WHERE prefix IS NOT NULL OR country IS NOT NULL`);
    expect(held).toEqual([]);

    const env = testEnvironment(database, LIMITS);
    const shown = await runCli(['limits', 'show'], env);
    expect(shown.stdout).toMatch(/^address [cC]•••@e•••••\.com: 3 of 3 in 600 s by local, room again/m);
    const lifted = await runCli(['limits', 'lift', email.toUpperCase()], env);
    expect(lifted.stdout).toMatch(/^3 texts to [cC]•••@[eE]•••••\.com count no longer\.\n$/i);
    expect((await ask(email)).status).toBe(201);
  });

  it('is made once under an Idempotency-Key', async () => {
    const email = freshAddress();
    const key = { 'idempotency-key': randomUUID() };
    const [first, second] = [await ask(email, {}, key), await ask(email, {}, key)];
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect(second.body).toEqual(first.body);
    expect((await ask(freshAddress(), {}, key)).body).toMatchObject({ code: 'idempotency_key_reused' });
    expect(await rowsOf(first.body['reference'])).toBe(1);
  });

  it('is erased with its person', async () => {
    const [idHash, email] = [randomUUID(), freshAddress()];
    const { body } = await ask(email, { id_hash: idHash });
    await mailTo(email);
    await api.until(String(body['reference']), { delivery: 'sent' });
    const { agreements } = await cliData<{ agreements: object[] }>(['erase', idHash], { DATABASE_URL: database.url });
    expect(agreements).toMatchObject([{ erased: { phone: false, email: true, sandbox_messages: 1 } }]);
    expect((await api.get(`/v1/agreement/${String(body['reference'])}`)).body).toMatchObject({
      phone: null,
      email: null,
    });
    expect(await mailsTo(email)).toEqual([]);
  });

  it('leaves its address in no line of the log, and in no column but its own', async () => {
    const dump = await dumped();
    expect(JSON.stringify(dump.filter(({ own }) => own))).toMatch(/canary-/i);
    for (const text of [...dump.filter(({ own }) => !own).map(({ text }) => text), ...service.log]) {
      expect(text).not.toMatch(/canary-|ivan@/i);
    }
  });
});

/** Every value in the database, and whether its column is one that holds addresses. */
async function dumped(): Promise<{ own: boolean; text: string }[]> {
  const tables = await database.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`,
  );
  const rows = await Promise.all(
    tables.map(async ({ name }) =>
      (await database.query<{ row: object }>(`SELECT row_to_json(t) AS row FROM ${name} t`)).map(
        ({ row }) => [name, row] as const,
      ),
    ),
  );
  const own = new Set(['agreement.contact', 'sandbox_message.phone']);
  return rows.flat().flatMap(([table, row]) =>
    Object.entries(row).map(([column, value]) => ({
      own: own.has(`${table}.${column}`),
      text: JSON.stringify(value),
    })),
  );
}

describe('a mail over SMTP', () => {
  let server: MailServer;
  let mailing: TestService;
  beforeAll(async () => {
    await service.stop();
    server = await MailServer.start();
    mailing = await startService(database, {
      ...{
        EMAIL_PROVIDERS: 'smtp',
        SMTP_URL: `smtp://127.0.0.1:${server.port}`,
        EMAIL_SENDER: 'Shop <no-reply@shop.example>',
      },
    });
  });
  afterAll(() => server.stop());

  it('brings the code, and the event names who took it', async () => {
    const email = freshAddress();
    const { body } = await mailing.api.post('/v1/agreement', { id_hash: 'somebody', email, locale: 'en' });
    const reference = String(body['reference']);
    await mailing.api.until(reference, { delivery: 'sent' });
    expect(server.to(email)).toHaveLength(1);
    const [taken] = server.to(email);
    const [send] = await database.query('SELECT id, provider, provider_message_id FROM send WHERE reference = $1', [
      reference,
    ]);
    expect(send).toMatchObject({ provider: 'smtp', provider_message_id: `<${String(send?.['id'])}@shop.example>` });
    const confirmed = await mailing.api.confirm(
      reference,
      codeIn((taken?.raw ?? '').split('\r\n\r\n').slice(2).join()),
    );
    expect(confirmed.body).toMatchObject({ status: 'confirmed' });
  });

  it('that the server refuses ends the sending, and says the address to nobody', async () => {
    server.refuse('rcpt', 550, '5.1.1 no such user');
    const email = freshAddress();
    const { body } = await mailing.api.post('/v1/agreement', { id_hash: 'somebody', email });
    const ended = await mailing.api.until(String(body['reference']), { delivery: 'failed' });
    expect(ended).toMatchObject({ delivery_reason: 'refused', email: MASK });
    expect(mailing.log.join()).not.toMatch(/canary-/i);
    expect(mailing.log.join()).toContain('smtp_550_5.1.1');
  });

  it('that finds the server away waits for it', async () => {
    const email = freshAddress();
    server.refuse('rcpt', 0);
    await server.stop();
    const { body } = await mailing.api.post('/v1/agreement', { id_hash: 'somebody', email });
    const reference = String(body['reference']);
    const waiting = await until('a try', async () => {
      const { body: view } = await mailing.api.get(`/v1/agreement/${reference}`);
      return view['delivery_reason'] === null ? undefined : view;
    });
    expect(waiting).toMatchObject({ delivery: 'queued', delivery_reason: 'ECONNREFUSED' });
    await server.start();
    await mailing.api.until(reference, { delivery: 'sent' });
    expect(server.to(email)).toHaveLength(1);
  });
});
