import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { faultsOf } from '../test/support/setting.js';
import { type Config, readConfig, readDatabaseSettings } from './config.js';

const KEY = Buffer.alloc(32, 1).toString('base64');
const API_KEYS = `shop:${'ab'.repeat(32)}`;
/** Random to look at, and always the same. */
const key = (of: string): string => `k:${createHash('sha256').update(of).digest('base64')}`;
const KEYS = { OTP_KEYS: key('codes'), CONTACT_KEYS: key('contacts') };
const DATABASE = { DATABASE_URL: 'postgresql://db/agreement' };
const BROKERS = { KAFKA_BROKERS: 'kafka:9092' };
const HTTP_PROVIDER = { SMS_PROVIDERS: 'http', SMS_HTTP_URL: 'https://sms.example', SMS_HTTP_TOKEN: 'token' };
const PRODUCTION = {
  ...{ NODE_ENV: 'production', HOST: '0.0.0.0', API_KEYS, PHONE_COUNTRIES: 'RU' },
  ...{ ...KEYS, ...DATABASE, ...BROKERS, ...HTTP_PROVIDER },
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agreement-config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it.each([
  ['NODE_ENV', { NODE_ENV: 'Production' }, 'must be production, in these letters'],
  ['KAFKA_DLQ_TOPIC', { KAFKA_TOPIC: 'one', KAFKA_DLQ_TOPIC: 'one' }, 'must be another topic than KAFKA_TOPIC'],
  ['SMS_HTTP_URL', { SMS_HTTP_URL: 'https://user:word@sms.example' }, 'must hold no user or password'],
  ['KAFKA_BROKERS', { KAFKA_BROKERS: 'kafka:99999' }, 'must be a list of host:port'],
  [
    'RETENTION_CONTACT',
    { RETENTION_CONTACT: '86399' },
    'must not be shorter than the longest window of LIMIT_, 86400 seconds',
  ],
  [
    'RETENTION_DELIVERY',
    { RETENTION_DELIVERY: '99999', LIMIT_IP: '1/100000' },
    'must not be shorter than the longest window of LIMIT_, 100000 seconds',
  ],
  ['METRICS_PORT', { PORT: '3001', METRICS_PORT: '3001' }, 'must not be PORT'],
  ['ALLOW_ANONYMOUS', { API_KEYS, ALLOW_ANONYMOUS: 'maybe' }, 'must be true or false'],
])('%s is refused where it would do harm that nobody sees', (name, environment, expected) => {
  expect(faultsOf(environment)).toEqual([`${name}: ${expected}`]);
});

describe('in production', () => {
  it('a complete environment is enough, and nothing is left to a sandbox', () => {
    const config = readConfig(PRODUCTION);

    expect(config).toMatchObject({ production: true, documentDefault: undefined, warnings: [] });
    expect(config.database.migrate).toBe(false);
    expect(config.shutdown.delay).toBe(5000);
  });

  it.each(['DATABASE_URL', 'KAFKA_BROKERS', 'OTP_KEYS', 'CONTACT_KEYS', 'API_KEYS', 'PHONE_COUNTRIES'])(
    'the start is refused without %s',
    (name) => {
      const faults = faultsOf({ ...PRODUCTION, HOST: '127.0.0.1', [name]: '' });

      expect(faults).toEqual([`${name}: must be set in production`]);
    },
  );

  it('everything that is missing is named at once', () => {
    const names = faultsOf({ NODE_ENV: 'production' }).map((fault) => fault.split(':')[0]);

    expect(new Set(names)).toEqual(
      new Set([
        ...['DATABASE_URL', 'KAFKA_BROKERS', 'OTP_KEYS', 'CONTACT_KEYS', 'API_KEYS', 'PHONE_COUNTRIES'],
        'SMS_PROVIDERS',
      ]),
    );
  });

  it('what is malformed is not also said to be missing', () => {
    expect(faultsOf({ ...PRODUCTION, DATABASE_URL: 'db', OTP_KEYS: 'x' }).toSorted()).toEqual([
      'DATABASE_URL: must be a URL beginning with postgresql:// or postgres://',
      'OTP_KEYS: must be id:base64[,id:base64], each key of 32 bytes or more and each id once',
    ]);
  });

  it.each([{ SMS_PROVIDERS: 'sandbox' }, { SMS_PROVIDERS: '' }])('the sandbox is refused: %j', (sandbox) => {
    expect(faultsOf({ ...PRODUCTION, ...sandbox })).toEqual([
      'SMS_PROVIDERS: must name a real provider in production; the sandbox sends nothing',
    ]);
  });

  it('no key is ever made', () => {
    faultsOf({ ...PRODUCTION, OTP_KEYS: '', CONTACT_KEYS: '', DATA_DIR: folder });

    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('the provider http', () => {
  it.each(['SMS_HTTP_URL', 'SMS_HTTP_TOKEN'])('needs %s', (name) => {
    expect(faultsOf({ ...KEYS, ...HTTP_PROVIDER, [name]: '' })).toEqual([`${name}: is needed by the provider http`]);
  });
});

describe('the direct URL of the database', () => {
  const DIRECT = { DATABASE_DIRECT_URL: 'postgresql://direct/agreement' };

  it('is the other one where it is not given', () => {
    expect(readConfig({ ...KEYS, ...DATABASE }).database.directUrl?.reveal()).toBe(DATABASE.DATABASE_URL);
  });

  it('is refused alone: the rest would be kept in the embedded database', () => {
    expect(faultsOf({ ...KEYS, ...DIRECT })).toEqual(['DATABASE_DIRECT_URL: needs DATABASE_URL beside it']);
    expect(faultsOf({ ...KEYS, ...DIRECT, DATABASE_URL: 'db' })).toHaveLength(1);
  });
});

describe('Kafka', () => {
  it.each(['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'])('needs %s with a mechanism', (name) => {
    const login = { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'me', KAFKA_SASL_PASSWORD: 'secret' };

    expect(faultsOf({ ...KEYS, ...BROKERS, ...login, [name]: '' })).toEqual([
      `${name}: is needed with KAFKA_SASL_MECHANISM`,
    ]);
  });

  it('is not used without brokers, whatever else is set', () => {
    expect(readConfig({ ...KEYS, KAFKA_TOPIC: 'elsewhere', KAFKA_SSL: 'true' }).kafka).toBeUndefined();
  });
});

describe('the roles', () => {
  it.each([
    ['all', {}],
    ['all', { ROLES: 'worker,relay,api' }],
    ['relay and worker together', { ...DATABASE, ROLES: 'relay,worker' }],
    ['the API alone', { ...DATABASE, ROLES: 'api' }],
    ['the relay alone', { ...DATABASE, ...BROKERS, ROLES: 'relay' }],
    ['the worker and the API', { ...DATABASE, ...BROKERS, ROLES: 'api,worker' }],
  ])('may be %s with %j', (_, environment) => {
    expect(faultsOf({ ...KEYS, ...environment })).toEqual([]);
  });

  it.each([{ ROLES: 'api' }, { ...BROKERS, ROLES: 'relay,worker' }, { ...BROKERS, ROLES: 'api,api,relay' }])(
    'must all be in one process that has its database inside: %j',
    (environment) => {
      expect(faultsOf({ ...KEYS, ...environment })).toEqual([
        'ROLES: must be api,relay,worker in one process while DATABASE_URL is not set',
      ]);
    },
  );

  it.each(['relay', 'worker', 'api,relay', 'api,worker'])(
    'relay and worker must share a process without Kafka, which %s do not',
    (ROLES) => {
      expect(faultsOf({ ...KEYS, ...DATABASE, ROLES })).toEqual([
        'ROLES: relay and worker must share a process while KAFKA_BROKERS is not set',
      ]);
    },
  );
});

describe('a service that is open to everybody', () => {
  const REFUSED = ['HOST: must be a loopback address while API_KEYS is not set (or say ALLOW_ANONYMOUS=true)'];

  it.each(['127.0.0.1', '127.8.9.10', '::1', 'localhost'])('may listen on %s', (HOST) => {
    expect(faultsOf({ ...KEYS, HOST })).toEqual([]);
  });

  it.each(['0.0.0.0', '::', '192.168.0.1', 'example.com', '127.0.0.1.example.com', 'localhost.example.com'])(
    'may not listen on %s',
    (HOST) => {
      expect(faultsOf({ ...KEYS, HOST })).toEqual(REFUSED);
      expect(faultsOf({ ...KEYS, HOST, ALLOW_ANONYMOUS: 'false' })).toEqual(REFUSED);
    },
  );

  it('may listen anywhere where the operator says so, or once there are API keys', () => {
    expect(faultsOf({ ...KEYS, HOST: '0.0.0.0', ALLOW_ANONYMOUS: 'true' })).toEqual([]);
    expect(faultsOf({ ...KEYS, HOST: '0.0.0.0', API_KEYS })).toEqual([]);
  });
});

describe('what is probably a mistake', () => {
  it.each([
    'OTP_LENGHT',
    'SMS_PROVIDER',
    'KAFKA_BROKER',
    'DATABASE_URI',
    'OTP_TTL_SECONDS',
    'LIMIT_PHONES',
    'GUARD_SENDS',
    'RETENTION_CONTACTS',
    'TEXTS_DIRECTORY',
    'TEST_PHONES_ALOWED',
  ])('is warned of by its name: %s', (name) => {
    expect(readConfig({ ...KEYS, [name]: 'CANARY' }).warnings).toEqual([
      `${name} is not a setting of this service: a typing error?`,
    ]);
  });

  it('is not what other programs are told in the same environment, nor an empty value', () => {
    const environment = { PATH: '/bin', HOME: '/root', NODE_OPTIONS: '', OTP_LENGHT: '', LIMIT_PHONE: '' };

    expect(readConfig({ ...KEYS, ...environment }).warnings).toEqual([]);
  });
});

describe('the keys of a machine that was given none', () => {
  const revealed = ({ otpKeys, contactKeys }: Config): string[] =>
    [...otpKeys, ...contactKeys].map(({ id, secret }) => `${id}:${secret.reveal().toString('base64')}`);

  it('are made in DATA_DIR, for their owner only, and are the same at the next start', () => {
    const first = revealed(readConfig({ DATA_DIR: folder }));
    const second = revealed(readConfig({ DATA_DIR: folder }));

    expect(second).toEqual(first);
    expect(new Set(first).size).toBe(2);
    expect(readdirSync(folder).sort()).toEqual(['contact-key', 'otp-key']);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder, 'otp-key'), 'utf8').trim()).toBe(first[0]);
  });

  it('are not made where they are given, nor where the start is refused', () => {
    readConfig({ ...KEYS, DATA_DIR: folder });
    faultsOf({ DATA_DIR: folder, PORT: 'many' });

    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('the configuration', () => {
  const SECRETS = {
    ...{ DATABASE_URL: 'postgresql://u:CANARY@db/a', DATABASE_DIRECT_URL: 'postgresql://u:CANARY@direct/a' },
    ...{ ...BROKERS, KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'me', KAFKA_SASL_PASSWORD: 'CANARY' },
    ...{ ...HTTP_PROVIDER, SMS_HTTP_TOKEN: 'CANARY' },
    ...{ OTP_KEYS: `k:${Buffer.from('CANARY'.repeat(6)).toString('base64')}`, CONTACT_KEYS: `k:${KEY}` },
  };

  it('cannot be printed with a secret in it', () => {
    const config = readConfig(SECRETS);

    const printed = [JSON.stringify(config), inspect(config, { depth: 20, showHidden: true, maxStringLength: null })];
    for (const text of printed) expect(text).not.toMatch(/CANARY|43 41 4e 41 52 59|Q0FOQVJZ/);
  });

  it('can be read by a migration that has only the database', () => {
    const settings = readDatabaseSettings({ ...DATABASE, NODE_ENV: 'production', PORT: 'many' });

    expect(settings.url?.reveal()).toBe(DATABASE.DATABASE_URL);
    expect(() => readDatabaseSettings({ DATABASE_URL: 'CANARY', DATABASE_SSL: 'CANARY' })).toThrow(
      /DATABASE_URL: .*\n.*DATABASE_SSL: /,
    );
  });

  it('may come from files, each given by the name with _FILE', () => {
    const file = join(folder, 'keys');
    writeFileSync(file, `mounted:${KEY}\n`);

    const { otpKeys } = readConfig({ CONTACT_KEYS: `k:${KEY}`, OTP_KEYS_FILE: file });

    expect(otpKeys.map(({ id }) => id)).toEqual(['mounted']);
  });
});
