import { createSocket } from 'node:dgram';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { type DnsAnswer, DnsServer } from '../../test/support/dns-server.js';
import { readConfig } from '../config.js';
import { AgreementError } from './agreement.errors.js';
import { MailDomains } from './check-mail-domain.js';
import { secretEmail } from './email-address.js';

const KEY = `k:${Buffer.alloc(32, 1).toString('base64')}`;
const MAIL: DnsAnswer = [[10, 'mx.example']];
const [NXDOMAIN, SERVFAIL, REFUSED] = [3, 2, 5];

/** By the first label of the name. */
const ANSWERS: Readonly<Record<string, DnsAnswer>> = {
  two: [
    [20, 'mx2.example'],
    [10, 'mx1.example'],
  ],
  null: [[0, '']],
  half: [
    [0, ''],
    [10, 'mx.example'],
  ],
  none: [],
  gone: NXDOMAIN,
  broken: SERVFAIL,
  refused: REFUSED,
  silent: 'silence',
  garbage: 'garbage',
};

describe('whether a domain takes mail', () => {
  let server: DnsServer;
  let log: string[] = [];
  beforeAll(async () => {
    server = await DnsServer.start((name) => ANSWERS[name.split('.')[0] ?? ''] ?? MAIL);
  });
  afterAll(() => server.stop());

  function domains(env: Record<string, string> = {}): MailDomains {
    log = [];
    const all = { EMAIL_CHECK_MX: 'true', EMAIL_DNS_SERVERS: server.address, ...env };
    const logger = pino({ base: null }, { write: (line: string) => void log.push(line) });
    return new MailDomains(readConfig({ OTP_KEYS: KEY, CONTACT_KEYS: KEY, ...all }), logger);
  }

  const faultOf = async (known: MailDomains, domain: string): Promise<unknown> => {
    try {
      await known.mustTakeMail(secretEmail(`ivan@${domain}`));
      return 'taken';
    } catch (error) {
      return error instanceof AgreementError ? error.fault : error;
    }
  };
  const NO_MX = { code: 'email_not_allowed', reason: 'no_mx' };
  const asksFor = (name: string): number => server.asked.filter((asked) => asked === name).length;

  it.each([
    ['mail.example', 'taken'],
    ['two.example', 'taken'],
    ['half.example', 'taken'],
    ['null.example', NO_MX],
    ['none.example', NO_MX],
    ['gone.example', NO_MX],
  ])('%s: %j', async (domain, expected) => {
    expect(await faultOf(domains(), domain)).toEqual(expected);
    expect(log).toEqual([]);
  });

  it.each(['broken', 'refused', 'silent', 'garbage'])(
    'is not known where DNS is %s: taken within a second, said once',
    async (how) => {
      const known = domains();
      const started = performance.now();
      expect(await Promise.all([`${how}.a.example`, `${how}.b.example`].map((name) => faultOf(known, name)))).toEqual([
        'taken',
        'taken',
      ]);
      expect(performance.now() - started).toBeLessThan(1_500);
      expect(log).toHaveLength(1);
      expect(log.join()).not.toMatch(/ivan|example/);
    },
  );

  it('is not known where nobody answers for DNS', async () => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const nobody = `127.0.0.1:${socket.address().port}`;
    await new Promise<void>((resolve) => socket.close(resolve));
    expect(await faultOf(domains({ EMAIL_DNS_SERVERS: nobody }), 'gone.example')).toBe('taken');
  });

  it('is remembered, and asked for once by many at one time', async () => {
    const known = domains();
    const [taken, refused] = ['kept.example', 'gone.kept.example'];
    for (let n = 0; n < 2; n += 1) {
      expect(await Promise.all(new Array(20).fill(taken).map((name: string) => faultOf(known, name)))).toEqual(
        new Array(20).fill('taken'),
      );
      expect(await faultOf(known, refused)).toEqual(NO_MX);
    }
    expect([asksFor(taken), asksFor(refused)]).toEqual([1, 1]);
  });

  it('is remembered of so many domains only, and looked for of so many at one time', async () => {
    const known = domains();
    expect(await faultOf(known, 'first.example')).toBe('taken');
    for (let n = 0; n < 5_050; n += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, m) => faultOf(known, `m${n + m}.example`)));
    }
    const before = server.asked.length;
    await faultOf(known, 'first.example');
    await faultOf(known, 'm5049.example');
    expect(server.asked.slice(before)).toEqual(['first.example']);

    const flood = Array.from({ length: 300 }, (_, n) => faultOf(known, `silent.f${n}.example`));
    expect(new Set(await Promise.all(flood))).toEqual(new Set(['taken']));
    expect(server.asked.filter((name) => /^silent\.f\d/.test(name)).length).toBeLessThanOrEqual(200);
  });

  it('is nobody’s business unless it is asked for', async () => {
    const { length } = server.asked;
    expect(await faultOf(domains({ EMAIL_CHECK_MX: 'false' }), 'gone.example')).toBe('taken');
    expect(server.asked).toHaveLength(length);
  });
});
