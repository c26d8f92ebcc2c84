import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Authority, type Certificate } from '../../../test/support/certificates.js';
import { MailServer } from '../../../test/support/mail-server.js';
import { until } from '../../../test/support/until.js';
import type { SmtpSettings } from '../../config.js';
import { Secret } from '../../secret.js';
import type { SmsMessage, SmsTime } from './sms-gateway.js';
import { SmtpGateway } from './smtp-gateway.js';

const SENDER = { name: 'Магазин', address: 'no-reply@shop.example' };
const TEXT = 'Код: 012345. Никому его не сообщайте.\n.\nС точкой в строке.';

let log: string[] = [];
const logger = pino({ base: null }, { write: (line: string) => void log.push(line) });
const gateways: SmtpGateway[] = [];
const servers: MailServer[] = [];

function gatewayOf(port: number, more: Partial<SmtpSettings> = {}): SmtpGateway {
  const settings: SmtpSettings = {
    ...{ host: '127.0.0.1', port, tls: 'off', ca: undefined, login: undefined, connections: 2, sender: SENDER },
    ...more,
  };
  const gateway = new SmtpGateway(settings, logger);
  gateways.push(gateway);
  return gateway;
}

function mail(to = 'ivan@example.com', subject = 'Код подтверждения'): SmsMessage {
  return {
    ...{ id: randomUUID(), reference: randomUUID(), to: new Secret(to, 'i•••@e•••••.com'), text: new Secret(TEXT) },
    mail: { subject, html: new Secret('<p>Код: <b>012345</b></p>') },
  };
}

/** For one test. */
async function serverOf(options: Parameters<typeof MailServer.start>[0] = {}): Promise<MailServer> {
  const server = await MailServer.start(options);
  servers.push(server);
  return server;
}

/** So many milliseconds for all of it. */
function within(milliseconds: number): SmsTime {
  return { sendBefore: performance.now() + milliseconds, signal: AbortSignal.timeout(milliseconds) };
}

afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.stop()));
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  log = [];
});

/** Headers with their folds undone, and the parts decoded. */
function read(raw: string): { headers: Map<string, string>; parts: string[]; names: string[] } {
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const lines = head.replaceAll(/\r\n[ \t]/g, ' ').split('\r\n');
  const named = lines.map(
    (line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.replace(/^[^:]*: /, '')] as const,
  );
  const boundary = /boundary="([^"]+)"/.exec(head)?.[1] ?? 'none';
  const parts = rest.join('\r\n\r\n').split(`--${boundary}`).slice(1, -1).map(decoded);
  return { headers: new Map(named), parts, names: named.map(([name]) => name) };
}

function decoded(part: string): string {
  const [head, body] = [part.slice(0, part.indexOf('\r\n\r\n')), part.slice(part.indexOf('\r\n\r\n') + 4)];
  if (/base64/i.test(head)) return Buffer.from(body, 'base64').toString();
  const bytes = body
    .replaceAll(/=\r\n/g, '')
    .replaceAll(/=([\dA-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

describe('a mail', () => {
  let server: MailServer;
  beforeAll(async () => {
    server = await MailServer.start();
  });
  afterAll(() => server.stop());

  it('arrives with text and HTML, from whom and to whom it is said, and its own Message-ID', async () => {
    const message = mail("o'neil+tag@example.com");
    const outcome = await gatewayOf(server.port).send(message, within(5_000));
    const [taken] = server.to(message.to.reveal());
    const { headers, parts } = read(taken?.raw ?? '');

    expect(outcome).toEqual({ kind: 'accepted', messageId: `<${message.id}@shop.example>` });
    expect(taken).toMatchObject({ from: 'no-reply@shop.example', secure: false });
    expect(headers.get('message-id')).toBe(`<${message.id}@shop.example>`);
    expect(headers.get('auto-submitted')).toBe('auto-generated');
    expect(headers.get('from')).toMatch(/^=\?UTF-8\?.+\?= <no-reply@shop\.example>$/);
    expect(headers.get('to')).toBe("o'neil+tag@example.com");
    expect(Math.abs(Date.now() - Date.parse(headers.get('date') ?? ''))).toBeLessThan(10_000);
    expect(parts[0]?.replaceAll('\r\n', '\n').trim()).toBe(TEXT);
    expect(parts[1]?.trim()).toBe('<p>Код: <b>012345</b></p>');
  });

  it('has the same Message-ID and different boundaries at a second try', async () => {
    const message = mail('second@example.com');
    const gateway = gatewayOf(server.port);
    for (let n = 0; n < 2; n += 1) await gateway.send(message, within(5_000));
    const ids = server.to('second@example.com').map(({ raw }) => read(raw).headers.get('message-id'));
    expect(ids).toEqual(new Array(2).fill(`<${message.id}@shop.example>`));
  });

  it('takes no header out of a subject or an address', async () => {
    const subject = 'Hi\r\nBcc: eve@evil.example\r\n\r\n<p>body</p>';
    await gatewayOf(server.port).send(mail('lines@example.com', subject), within(5_000));
    const [taken] = server.to('lines@example.com');
    const { names, headers } = read(taken?.raw ?? '');
    expect(names).not.toContain('bcc');
    expect(headers.get('subject')).toContain('Hi');
    expect(taken?.raw).not.toMatch(/^Bcc:/m);

    const outcome = await gatewayOf(server.port).send(mail('a@b.example>\r\nRCPT TO:<eve@evil.example'), within(5_000));
    expect(outcome.kind).not.toBe('accepted');
    expect(server.to('eve@evil.example')).toEqual([]);
  });

  it('goes over a session that is kept, and over no more sessions at one time than were allowed', async () => {
    const gateway = gatewayOf(server.port, { connections: 2 });
    const before = server.sessions;
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => gateway.send(mail('many@example.com'), within(5_000))),
    );
    expect(outcomes.filter(({ kind }) => kind !== 'accepted')).toEqual([]);
    expect(server.to('many@example.com')).toHaveLength(20);
    expect(server.sessions - before).toBe(2);
  });

  it('finds the next session after the server has been started anew', async () => {
    const gateway = gatewayOf(server.port);
    await gateway.send(mail(), within(5_000));
    await server.restart();
    expect(await gateway.send(mail('again@example.com'), within(5_000))).toMatchObject({ kind: 'accepted' });
    expect(server.to('again@example.com')).toHaveLength(1);
  });

  it('leaves no session open once the gateway has stopped', async () => {
    const gateway = gatewayOf(server.port);
    await gateway.send(mail(), within(5_000));
    expect(server.open).toBe(1);
    await gateway.stop();
    await until('all sessions are over', () => server.open === 0);
  });
});

describe('the answers of a server', () => {
  let server: MailServer;
  beforeAll(async () => {
    server = await MailServer.start();
  });
  afterAll(() => server.stop());

  it.each([
    ['rcpt', 550, '5.1.1 no such user ivan@example.com', { kind: 'refused', reason: 'smtp_550_5.1.1' }, false],
    ['rcpt', 553, 'not here', { kind: 'refused', reason: 'smtp_553' }, false],
    ['rcpt', 450, '4.7.1 greylisted', { kind: 'try_later', reason: 'smtp_450_4.7.1', retryAfter: null }, false],
    ['rcpt', 421, 'closing', { kind: 'try_later', reason: 'smtp_421', retryAfter: null }, false],
    ['mail', 550, '5.7.1 not your address', { kind: 'refused', reason: 'smtp_550_5.7.1' }, true],
    ['mail', 451, 'later', { kind: 'try_later', reason: 'smtp_451', retryAfter: null }, false],
    ['mail', 530, '5.7.0 log in first', { kind: 'try_later', reason: 'smtp_530_5.7.0', retryAfter: null }, true],
    ['data', 554, '5.7.1 spam', { kind: 'refused', reason: 'smtp_554_5.7.1' }, false],
    ['data', 452, '4.3.1 disk full', { kind: 'try_later', reason: 'smtp_452_4.3.1', retryAfter: null }, false],
    ['data', 421, 'closing', { kind: 'try_later', reason: 'smtp_421', retryAfter: null }, false],
    ['connect', 421, 'too busy', { kind: 'try_later', reason: 'smtp_421', retryAfter: null }, false],
    ['connect', 554, 'go away', { kind: 'try_later', reason: 'smtp_554', retryAfter: null }, true],
  ] as const)('at %s, %i %s: %j', async (step, code, words, expected, isOurs) => {
    server.refuse(step, code, words);
    const gateway = gatewayOf(server.port);
    const outcome = await gateway.send(mail(), within(5_000));
    server.refuse(step, 0);

    expect(outcome).toEqual(expected);
    expect(server.mails).toEqual([]);
    expect(log.filter((line) => line.includes('does not take mails from us'))).toHaveLength(isOurs ? 1 : 0);
    expect(log.join()).not.toMatch(/ivan@|no such user/);
    const { length } = server.mails;
    expect(await gateway.send(mail(), within(5_000))).toMatchObject({ kind: 'accepted' });
    expect(server.mails.splice(0)).toHaveLength(length + 1);
  });

  it('that is not there: later', async () => {
    const gone = await MailServer.start();
    const { port } = gone;
    await gone.stop();
    const outcome = await gatewayOf(port).send(mail(), within(5_000));
    expect(outcome).toEqual({ kind: 'try_later', reason: 'ECONNREFUSED', retryAfter: null });
  });
});

describe('a session', () => {
  let authority: Authority;
  let certificate: Certificate;
  beforeAll(async () => {
    authority = await Authority.create('the authority of the mail server');
    certificate = await authority.issue('DNS:localhost,IP:127.0.0.1');
  });
  afterAll(() => authority.remove());

  const LOGIN = { user: 'shop', password: new Secret('right') };

  it.each([
    ['by STARTTLS, which is asked for', false, 'required'],
    ['by STARTTLS, because it is offered', false, 'offered'],
    ['from the first byte', true, 'implicit'],
  ] as const)('is private %s, and logs in', async (_, secure, tls) => {
    const server = await serverOf({ ...certificate, secure });
    const gateway = gatewayOf(server.port, { tls, ca: authority.cert, login: LOGIN });
    expect(await gateway.send(mail(), within(5_000))).toMatchObject({ kind: 'accepted' });
    expect(server.mails).toMatchObject([{ secure: true, user: 'shop' }]);
  });

  it.each([
    ['whose authority is not known', 'required', false, undefined, /SELF_SIGNED|UNABLE_TO/],
    ['whose authority is not known', 'offered', false, undefined, /SELF_SIGNED|UNABLE_TO/],
    ['whose authority is not known', 'implicit', true, undefined, /SELF_SIGNED|UNABLE_TO/],
    ['whose certificate is of another name', 'required', false, 'other', /ALTNAME/],
  ] as const)('is not opened with a server %s (%s): nothing is said to it', async (_, tls, secure, other, reason) => {
    const foreign = other && (await authority.issue('DNS:other.example'));
    const server = await serverOf({ ...(foreign ?? certificate), secure });
    const ca = other && authority.cert;
    const outcome = await gatewayOf(server.port, { tls, ca, login: LOGIN }).send(mail(), within(5_000));
    expect(outcome).toEqual({ kind: 'try_later', reason: expect.stringMatching(reason), retryAfter: null });
    expect(server.mails).toEqual([]);
    expect(log.join()).toContain('the mail server does not take mails from us');
  });

  it('is not opened in the clear where privacy is asked for and the server has none', async () => {
    const server = await serverOf();
    const outcome = await gatewayOf(server.port, { tls: 'required', login: LOGIN }).send(mail(), within(5_000));
    expect(outcome).toMatchObject({ kind: 'try_later' });
    expect(server.mails).toEqual([]);
  });

  it('with a wrong password is our fault: said once to the operator, without the password, and tried again later', async () => {
    const server = await serverOf(certificate);
    const login = { user: 'shop', password: new Secret('CANARY-password') };
    const gateway = gatewayOf(server.port, { tls: 'required', ca: authority.cert, login });
    for (let n = 0; n < 3; n += 1) {
      const outcome = await gateway.send(mail(), within(5_000));
      expect(outcome).toEqual({ kind: 'try_later', reason: 'smtp_535_5.7.8', retryAfter: null });
    }
    expect(log).toHaveLength(1);
    expect(log.join()).not.toMatch(/CANARY|Q0FOQVJZ/);
    await until('all sessions are over', () => server.open === 0);
  });
});
