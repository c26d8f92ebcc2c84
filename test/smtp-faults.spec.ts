import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { SmtpSettings } from '../src/config.js';
import type { SmsMessage, SmsTime } from '../src/messaging/sms/sms-gateway.js';
import { SmtpGateway } from '../src/messaging/sms/smtp-gateway.js';
import { Secret } from '../src/secret.js';
import { MailServer, type Script, ScriptedMailServer, YES } from './support/mail-server.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { until } from './support/until.js';

const SETTINGS: Omit<SmtpSettings, 'port'> = {
  ...({ host: '127.0.0.1', tls: 'off', ca: undefined, login: undefined, connections: 2 } as const),
  sender: { name: '', address: 'no-reply@shop.example' },
};
const LOGIN = { user: 'shop', password: new Secret('right') };

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function gatewayOf(port: number, more: Partial<SmtpSettings> = {}): SmtpGateway {
  const gateway = new SmtpGateway({ ...SETTINGS, ...more, port }, pino({ level: 'silent' }));
  ends.push(() => gateway.stop());
  return gateway;
}

async function scripted(script: Script): Promise<ScriptedMailServer> {
  const server = await ScriptedMailServer.start(script);
  ends.push(() => server.stop());
  return server;
}

function mail(): SmsMessage {
  const [to, text] = [new Secret('ivan@example.com'), new Secret('CODE 012345')];
  return { id: randomUUID(), reference: randomUUID(), to, text, mail: { subject: 'Code', html: new Secret('<p>') } };
}

/** So many milliseconds to send, and so many to wait. */
function times(sendBefore: number, signal = sendBefore): SmsTime {
  return { sendBefore: performance.now() + sendBefore, signal: AbortSignal.timeout(signal) };
}

const STEPS = ['', 'EHLO', 'MAIL', 'RCPT', 'DATA', '.'] as const;
/** Says yes up to a step, and there what `answer` says. */
const at =
  (step: string, answer: Script): Script =>
  (command, socket) =>
    (step === '' ? command === '' : command.startsWith(step)) ? answer(command, socket) : YES(command, socket);
const LATER = { kind: 'try_later' };
const UNKNOWN = { kind: 'unknown' };

describe('a mail server', () => {
  it.each(STEPS)('that says nothing at "%s" is waited for as long as there is time', async (step) => {
    const server = await scripted(at(step, () => undefined));
    const started = performance.now();
    const outcome = await gatewayOf(server.port).send(mail(), times(300));
    expect(outcome).toEqual(
      step === '.'
        ? { kind: 'unknown', reason: 'timeout' }
        : { kind: 'try_later', reason: 'not_connected', retryAfter: null },
    );
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it.each(STEPS)('that hangs up at "%s" has the mail perhaps, if all of it was sent', async (step) => {
    const server = await scripted(at(step, (_, socket) => void socket.destroy()));
    expect(await gatewayOf(server.port).send(mail(), times(5_000))).toMatchObject(step === '.' ? UNKNOWN : LATER);
  });

  // What answers EHLO with no sense is asked again by HELO.
  it.each(
    STEPS.filter((step) => step !== 'EHLO').flatMap((step) =>
      ['\0\xff\x01 nonsense', 'HTTP/1.1 400 Bad Request', '999 what', ''].map((word) => [step, word] as const),
    ),
  )('that answers "%s" with %j is not believed', async (step, word) => {
    const server = await scripted(at(step, () => word));
    expect(await gatewayOf(server.port).send(mail(), times(300))).toMatchObject(step === '.' ? UNKNOWN : LATER);
  });

  it.each(['', 'RCPT', '.'])('that never ends its answer to "%s" is not listened to for ever', async (step) => {
    const server = await scripted(
      at(step, (_, socket) => {
        const more = (): void => {
          if (socket.writable) socket.write('250-'.padEnd(65_536, 'x'), more);
        };
        more();
        return undefined;
      }),
    );
    expect(await gatewayOf(server.port).send(mail(), times(5_000))).toMatchObject(step === '.' ? UNKNOWN : LATER);
  });

  it('that was slow to ask for the mail gets none of it: nothing is sent late', async () => {
    let said = '';
    let goOn: () => void = () => undefined;
    const server = await scripted((command, socket) => {
      if (command === 'DATA') {
        socket.on('data', (chunk) => (said += chunk.toString()));
        goOn = () => socket.write('354 at last\r\n');
        return undefined;
      }
      return YES(command, socket);
    });
    const time = times(150, 5_000);
    const outcome = gatewayOf(server.port).send(mail(), time);
    await until('it is late', () => performance.now() > time.sendBefore);
    goOn();
    expect(await outcome).toEqual({ kind: 'try_later', reason: 'late', retryAfter: null });
    expect(said).toBe('');
  });

  it('that takes commands together is not given a mail for somebody it refuses', async () => {
    const seen: string[] = [];
    const server = await scripted((command, socket) => {
      seen.push(command);
      if (command.startsWith('EHLO')) return '250-here\r\n250 PIPELINING';
      return command.startsWith('RCPT') ? '550 5.1.1 nobody' : YES(command, socket);
    });
    const outcome = await gatewayOf(server.port).send(mail(), times(5_000));
    expect(outcome).toEqual({ kind: 'refused', reason: 'smtp_550_5.1.1' });
    expect(seen.filter((line) => /CODE|Message-ID/i.test(line))).toEqual([]);
  });

  it.each([
    ['421 4.3.2 closing', LATER],
    ['250 2.0.0 queued as 4f3', { kind: 'accepted' }],
    ['250-2.0.0 ok\r\n250 4f3', { kind: 'accepted' }],
  ])('that ends with %j is believed', async (answer, expected) => {
    const server = await scripted(at('.', () => answer));
    expect(await gatewayOf(server.port).send(mail(), times(5_000))).toMatchObject(expected);
  });

  it('that knows only HELO, and one that wants no login, are mailed through too', async () => {
    const old = await scripted((command, socket) => (command.startsWith('EHLO') ? '502 what' : YES(command, socket)));
    expect(await gatewayOf(old.port).send(mail(), times(5_000))).toMatchObject({ kind: 'accepted' });
    const open = await scripted(YES);
    expect(await gatewayOf(open.port, { login: LOGIN }).send(mail(), times(5_000))).toMatchObject({ kind: 'accepted' });
  });
});

describe('a login that fails', () => {
  const empty = { user: 'shop', password: new Secret('') };

  it.each([
    ['is refused', 'PLAIN', '535 5.7.8 wrong', LOGIN, 'smtp_535_5.7.8'],
    ['is refused for now', 'PLAIN', '454 4.7.0 later', LOGIN, 'smtp_454_4.7.0'],
    ['makes no sense', 'LOGIN', '250 what', LOGIN, 'EAUTH'],
    ['has no password', 'PLAIN', '235 never asked', empty, 'EAUTH'],
  ])('because it %s leaves no connection behind', async (_, method, answer, login, reason) => {
    let opened = 0;
    const server = await scripted((command, socket) => {
      if (command === '') opened += 1;
      if (command.startsWith('EHLO')) return `250-here\r\n250 AUTH ${method}`;
      return command.startsWith('AUTH') ? answer : YES(command, socket);
    });
    const gateway = gatewayOf(server.port, { login });
    for (let n = 0; n < 3; n += 1) {
      expect(await gateway.send(mail(), times(5_000))).toMatchObject({ ...LATER, reason });
    }
    expect(opened).toBe(3);
    await until('all connections are over', () => server.open === 0);
  });
});

describe('a session that is kept', () => {
  it('and turns out open on our side only costs two seconds, and no mail', async () => {
    const server = await MailServer.start();
    const proxy = await TcpProxy.to(server.port);
    await proxy.open();
    ends.push(
      () => proxy.cut(),
      () => server.stop(),
    );
    const gateway = gatewayOf(proxy.port);
    expect(await gateway.send(mail(), times(5_000))).toMatchObject({ kind: 'accepted' });
    proxy.abandon();
    expect(await gateway.send(mail(), times(8_000))).toMatchObject({ kind: 'accepted' });
    expect(server.mails).toHaveLength(2);
    expect(server.sessions).toBe(2);
  });

  it('and is cut in the middle of a mail leaves that one unknown, and none after it', async () => {
    const server = await MailServer.start();
    const proxy = await TcpProxy.to(server.port);
    await proxy.open();
    ends.push(
      () => proxy.cut(),
      () => server.stop(),
    );
    const gateway = gatewayOf(proxy.port);
    const release = server.hold('data');
    const outcome = gateway.send(mail(), times(5_000));
    await until('the session', () => server.sessions === 1);
    const waiting = gateway.send(mail(), times(5_000));
    await until('both sessions', () => server.sessions === 2);
    proxy.freeze();
    await proxy.cut();
    await proxy.open();
    release();
    expect(
      [(await outcome).kind, (await waiting).kind].every((kind) => kind === 'unknown' || kind === 'try_later'),
    ).toBe(true);
    expect(await gateway.send(mail(), times(5_000))).toMatchObject({ kind: 'accepted' });
  });

  it('is waited for in turn; who waits in vain has sent nothing', async () => {
    const server = await MailServer.start();
    ends.push(() => server.stop());
    const gateway = gatewayOf(server.port, { connections: 1 });
    const release = server.hold('data');
    const first = gateway.send(mail(), times(5_000));
    const [second, third] = [gateway.send(mail(), times(200)), gateway.send(mail(), times(5_000))];
    expect(await second).toEqual({ kind: 'try_later', reason: 'busy', retryAfter: null });
    release();
    expect([await first, await third]).toMatchObject([{ kind: 'accepted' }, { kind: 'accepted' }]);
    expect(server.mails).toHaveLength(2);
  });

  it('is ended at once by who may wait no longer', async () => {
    const abort = new AbortController();
    const server = await scripted(
      at('.', () => {
        abort.abort();
        return undefined;
      }),
    );
    const outcome = gatewayOf(server.port).send(mail(), {
      sendBefore: performance.now() + 5_000,
      signal: abort.signal,
    });
    expect(await outcome).toEqual({ kind: 'unknown', reason: 'timeout' });
    const before = await gatewayOf(server.port).send(mail(), {
      sendBefore: performance.now() + 5_000,
      signal: abort.signal,
    });
    expect(before).toEqual({ kind: 'try_later', reason: 'not_connected', retryAfter: null });
  });
});
