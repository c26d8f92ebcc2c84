import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EMAIL } from '../test/support/email-settings.js';
import { HTTP_PROVIDER } from '../test/support/http-provider-settings.js';
import { INFRASTRUCTURE } from '../test/support/infrastructure-settings.js';
import { LIMITS } from '../test/support/limit-settings.js';
import { MESSAGES } from '../test/support/message-settings.js';
import { count, duration, faultsOf, type Setting, setting, words } from '../test/support/setting.js';
import { SMPP } from '../test/support/smpp-settings.js';
import { TWILIO } from '../test/support/twilio-settings.js';
import { type Config, readConfig } from './config.js';

const KEY = Buffer.alloc(32, 1).toString('base64');
const HASH = 'ab'.repeat(32);
const KEYS = { OTP_KEYS: `k:${KEY}`, CONTACT_KEYS: `k:${KEY}` };

const revealed = (keys: Config['otpKeys']): object[] => keys.map(({ id, secret }) => ({ id, key: secret.reveal() }));
const NAMED = { id: 'k', key: Buffer.alloc(32, 1) };
const SHORT = `k:${Buffer.alloc(31).toString('base64')}`;
const NOT_KEYS = [KEY, `k:${KEY},k:${KEY}`, SHORT, `k:${KEY},`, `a b:${KEY}`, `k:${KEY}:x`, 'k:'];
const TWO_KEYS = [`k:${KEY}, old:${KEY}`, [NAMED, { ...NAMED, id: 'old' }]] as const;

/** Nothing may be kept for a shorter time than a limit counts it. */
const NO_WINDOWS = { LIMIT_PHONE: 'off', LIMIT_PHONE_ALL: 'off', LIMIT_PREFIX: 'off' };

const SETTINGS: readonly Setting[] = [
  ...INFRASTRUCTURE,
  ...LIMITS,
  ...EMAIL,
  ...SMPP,
  ...TWILIO,
  setting('OTP_KEYS', (c) => revealed(c.otpKeys), [NAMED], [TWO_KEYS], NOT_KEYS),
  setting('CONTACT_KEYS', (c) => revealed(c.contactKeys), [NAMED], [TWO_KEYS], NOT_KEYS),
  count('OTP_LENGTH', (c) => c.otp.length, 6, 6, 10),
  duration('OTP_TTL', (c) => c.otp.ttl, 900, 1, 3600),
  duration('OTP_RESEND_INTERVAL', (c) => c.otp.resendInterval, 60, 0, 3600),
  count('OTP_ATTEMPTS', (c) => c.otp.attempts, 3, 1, 10),
  count('OTP_MAX_CODES', (c) => c.otp.maxCodes, 5, 1, 100),
  count('OTP_MAX_FAILURES', (c) => c.otp.maxFailures, 6, 1, 100),
  duration('AGREEMENT_TTL', (c) => c.otp.agreementTtl, 86_400, 1, 31_536_000),
  ...MESSAGES,
  setting(
    'DOCUMENT_DEFAULT',
    (c) => c.documentDefault,
    { id: 'sandbox', version: '1', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    [[`privacy:2026-01:${HASH.toUpperCase()}`, { id: 'privacy', version: '2026-01', sha256: HASH }]],
    [
      'privacy',
      `privacy:${HASH}`,
      `privacy:1:${HASH}0`,
      `pri vacy:1:${HASH}`,
      `:1:${HASH}`,
      `${'a'.repeat(65)}:1:${HASH}`,
    ],
  ),
  setting(
    'PHONE_COUNTRIES',
    (c) => c.phone.countries,
    '*',
    [
      ['RU, KZ', new Set(['RU', 'KZ'])],
      ['*', '*'],
    ],
    [...['ru', 'RUS', 'XX', 'UK', '7', 'RU,', 'RU KZ']],
  ),
  setting(
    'PHONE_DEFAULT_REGION',
    (c) => c.phone.defaultRegion,
    undefined,
    [['RU', 'RU']],
    ['ru', 'RUS', '*', 'XX', 'UK', '7'],
  ),
  setting(
    'SMS_PROVIDERS',
    (c) => c.sms.providers.join(),
    'sandbox',
    [
      ['sandbox', 'sandbox'],
      ['http', 'http'],
    ],
    ['carrier'],
    {
      ...{ SMS_HTTP_URL: 'https://sms.example', SMS_HTTP_TOKEN: 'token' },
    },
  ),
  setting(
    'SMS_ROUTES',
    (c) => Object.fromEntries(c.sms.routes),
    { '*': ['sandbox'] },
    [
      ['RU:http,sandbox;KZ:http', { '*': ['sandbox'], RU: ['http', 'sandbox'], KZ: ['http'] }],
      [' *:http ; RU: sandbox', { '*': ['http'], RU: ['sandbox'] }],
    ],
    ['http', 'RU:', 'RU:carrier', 'ru:http', 'RU:http;RU:sandbox', 'RU:http,http', 'RU:http;', 'UK:http'],
    { SMS_HTTP_URL: 'https://sms.example', SMS_HTTP_TOKEN: 'token' },
  ),
  words('SMS_SENDER', (c) => c.sms.sender, undefined),
  duration('SMS_TIMEOUT', (c) => c.sms.timeout, 10, 1, 120),
  count('SMS_CONCURRENCY', (c) => c.sms.concurrency, 64, 1, 10_000),
  ...HTTP_PROVIDER,
  { ...duration('RETENTION_CONTACT', (c) => c.retention.contact, 31_536_000, 0, 3_153_600_000), beside: NO_WINDOWS },
  { ...duration('RETENTION_DELIVERY', (c) => c.retention.delivery, 7_776_000, 0, 3_153_600_000), beside: NO_WINDOWS },
];

describe('a setting', () => {
  it.each(SETTINGS)('has its default: $name', ({ read, fallback, beside }) => {
    expect(read(readConfig({ ...KEYS, ...beside }))).toEqual(fallback);
  });

  it.each(SETTINGS.flatMap((setting) => setting.takes.map(([text, value]) => ({ ...setting, text, value }))))(
    'is taken: $name=$text',
    ({ name, read, beside, text, value }) => {
      expect(read(readConfig({ ...KEYS, ...beside, [name]: text }))).toEqual(value);
    },
  );

  it.each(SETTINGS.flatMap((setting) => setting.refuses.map((text) => ({ ...setting, text }))))(
    'is refused by its name: $name=$text',
    ({ name, beside, text }) => {
      const faults = faultsOf({ ...KEYS, ...beside, [name]: text });

      expect(faults.length).toBeGreaterThan(0);
      expect(faults.filter((fault) => !fault.startsWith(`${name}: `))).toEqual([]);
    },
  );
});

describe('every setting', () => {
  let file: string;
  beforeAll(() => {
    file = join(mkdtempSync(join(tmpdir(), 'agreement-settings-')), 'value');
  });
  afterAll(() => rmSync(dirname(file), { recursive: true }));

  it.each(SETTINGS)('may be the content of a file: $name_FILE', ({ name, read, beside, takes }) => {
    const [text, value] = takes[0] ?? raise('nothing is taken');
    writeFileSync(file, `${text}\n`);

    expect(read(readConfig(without({ ...KEYS, ...beside, [`${name}_FILE`]: file }, name)))).toEqual(value);
  });

  it.each(SETTINGS)('is refused from two places: $name and $name_FILE', ({ name, beside, takes }) => {
    const [text] = takes[0] ?? raise('nothing is taken');
    writeFileSync(file, text);

    const faults = faultsOf({ ...KEYS, ...beside, [name]: text, [`${name}_FILE`]: file });

    expect(faults).toContain(`${name}: give ${name} or ${name}_FILE, not both`);
  });

  it.each(['', '_FILE'])('that is wrong is named at once with all the others, without its value: NAME%s', (suffix) => {
    writeFileSync(file, 'CANARY {CANARY}');
    const value = suffix === '' ? 'CANARY {CANARY}' : file;
    const checked = SETTINGS.filter(({ refuses }) => refuses.length > 0).map(({ name }) => name);

    const faults = faultsOf(Object.fromEntries(SETTINGS.map(({ name }) => [name + suffix, value])));

    expect(checked.filter((name) => !faults.some((fault) => fault.startsWith(`${name}: `)))).toEqual([]);
    expect(faults.join()).not.toMatch(/CANARY|agreement-settings/);
  });

  it('whose file cannot be read is named without the path', () => {
    const faults = faultsOf(Object.fromEntries(SETTINGS.map(({ name }) => [`${name}_FILE`, '/CANARY'])));

    for (const { name } of SETTINGS) expect(faults).toContain(`${name}_FILE: the file cannot be read (ENOENT)`);
    expect(faults.join()).not.toContain('CANARY');
  });
});

describe('the list of settings above', () => {
  it('has every name that is read', () => {
    const asked = new Set<string>();
    const environment = new Proxy<Record<string, string>>(KEYS, {
      get: (variables, name) => {
        asked.add(String(name));
        return Reflect.get(variables, name) as unknown;
      },
    });
    readConfig(environment);

    // Of a name and NAME_FILE the name.
    const names = [...asked].filter((name) => !name.endsWith('_FILE') || !asked.has(name.replace(/_FILE$/, '')));
    expect(names.sort()).toEqual(SETTINGS.map(({ name }) => name).sort());
  });
});

function without(variables: Record<string, string>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([key]) => key !== name));
}

function raise(message: string): never {
  throw new Error(message);
}
