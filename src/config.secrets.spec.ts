import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { PRINTED_WHOLE } from '../test/support/printing.js';
import { faultsOf } from '../test/support/setting.js';
import { readConfig } from './config.js';
import { Secret } from './secret.js';

const key = (of: string): string => `CANARY-${of}:${createHash('sha256').update(of).digest('base64')}`;

/** A production with every secret that it can have; each value can be told from all others. */
const SECRETS: Readonly<Record<string, string>> = {
  API_KEYS: `shop:${'ab'.repeat(32)}`,
  CONTACT_KEYS: key('contacts'),
  DATABASE_DIRECT_URL: 'postgresql://agreement:CANARY-direct@db/agreement',
  DATABASE_URL: 'postgresql://agreement:CANARY-pooled@pooler/agreement',
  KAFKA_SASL_PASSWORD: 'CANARY-sasl',
  OTP_KEYS: key('codes'),
  SMPP_URL: 'smpps://shop:CANARY-smsc@smsc.example',
  SMS_HTTP_TOKEN: 'CANARY-token',
  SMS_HTTP_WEBHOOK_SECRET: 'CANARY-receipts-of-a-gateway',
  SMTP_URL: 'smtps://shop:CANARY-mail@mail.example',
  TWILIO_AUTH_TOKEN: 'CANARY-twilio',
};
const PRODUCTION: Readonly<Record<string, string>> = {
  ...{ NODE_ENV: 'production', HOST: '0.0.0.0', PHONE_COUNTRIES: 'RU', KAFKA_BROKERS: 'kafka:9092' },
  ...{ KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'me' },
  ...{ SMS_PROVIDERS: 'http,smpp,twilio', SMS_HTTP_URL: 'https://sms.example' },
  ...{ TWILIO_ACCOUNT_SID: 'AC0', TWILIO_FROM: 'Shop' },
  ...{ EMAIL_PROVIDERS: 'smtp', EMAIL_SENDER: 'no-reply@shop.example' },
  ...SECRETS,
};

/** Names that speak of a secret, and those whose URL may hold a password. SMS_HTTP_URL and PUBLIC_URL may not. */
const SPEAKS_OF_A_SECRET = /(KEY|TOKEN|PASSWORD|SECRET)S?$|^DATABASE_.*URL$|^(SMPP|SMTP)_URL$/;

/** Every name that is asked for while a configuration is read. */
function namesRead(): string[] {
  const asked = new Set<string>();
  readConfig(new Proxy(PRODUCTION, { get: (given, name: string) => (asked.add(name), given[name]) }));
  return [...asked].filter((name) => !name.endsWith('_FILE')).sort();
}

/** Whatever is secret in a configuration, as text. */
function secretsIn(value: unknown): string[] {
  if (value instanceof Secret) return [String((value as Secret<unknown>).reveal())];
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return [];
  return Object.values(value).flatMap(secretsIn);
}

describe('the secrets of a production', () => {
  const given = secretsIn(readConfig(PRODUCTION));

  it('are the settings whose names say so', () => {
    expect(namesRead().filter((name) => SPEAKS_OF_A_SECRET.test(name))).toEqual(Object.keys(SECRETS));
  });

  it('are carried as what they are: nothing shows them', () => {
    // API_KEYS are hashes already.
    expect(given).toHaveLength(Object.keys(SECRETS).length - 1);
    const config = readConfig(PRODUCTION);
    for (const [, print] of PRINTED_WHOLE) {
      const text = print(config);
      expect(text.replaceAll(/CANARY-(codes|contacts)/g, '')).not.toContain('CANARY');
      for (const secret of given) expect(text).not.toContain(secret);
    }
  });

  it.each(Object.keys(SECRETS))('have no default: without %s there is none, or no start', (name) => {
    const without = { ...PRODUCTION, [name]: '' };
    const faults = faultsOf(without);

    expect(faults.filter((fault) => !fault.startsWith(name) && !fault.startsWith('DATABASE_DIRECT_URL'))).toEqual(
      name === 'API_KEYS' ? [expect.stringMatching(/^HOST: must be a loopback address/)] : [],
    );
    if (faults.length === 0) expect(given).toEqual(expect.arrayContaining(secretsIn(readConfig(without))));
  });

  it('are none that could be guessed: without all of them every one that is needed is named', () => {
    const none = Object.fromEntries(Object.keys(SECRETS).map((name) => [name, '']));
    const named = faultsOf({ ...PRODUCTION, ...none }).map((fault) => fault.split(':')[0]);

    const optional = ['DATABASE_DIRECT_URL', 'SMS_HTTP_WEBHOOK_SECRET'];
    const needed = Object.keys(SECRETS).filter((name) => !optional.includes(name));
    expect(new Set(named)).toEqual(new Set([...needed, 'HOST']));
  });
});
