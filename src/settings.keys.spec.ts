import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { faultsOf } from '../test/support/setting.js';

const random = (): string => randomBytes(32).toString('base64');
const PRODUCTION = {
  ...{ NODE_ENV: 'production', API_KEYS: `shop:${'ab'.repeat(32)}`, PHONE_COUNTRIES: 'RU' },
  ...{ DATABASE_URL: 'postgresql://db/agreement', KAFKA_BROKERS: 'kafka:9092' },
  ...{ SMS_PROVIDERS: 'http', SMS_HTTP_URL: 'https://sms.example', SMS_HTTP_TOKEN: 'token' },
  ...{ OTP_KEYS: `otp:${random()}`, CONTACT_KEYS: `contact:${random()}` },
};
const KEY = random();

describe.each(['OTP_KEYS', 'CONTACT_KEYS'])('%s in production', (name) => {
  it.each([
    ['random bytes', random()],
    ['more of them', randomBytes(64).toString('base64')],
    ['random hex digits', Buffer.from(randomBytes(32).toString('hex')).toString('base64')],
    ['a hash', createHash('sha256').update('key').digest('base64')],
  ])('may be %s', (_, key) => {
    expect(faultsOf({ ...PRODUCTION, [name]: `k:${key}` })).toEqual([]);
  });

  it.each([
    ['nothing but zeros', Buffer.alloc(32)],
    ['one byte, repeated', Buffer.alloc(64, 0xa7)],
    ['a word, repeated', Buffer.from('changeme'.repeat(4))],
    ['bytes counted up', Buffer.from(Array.from({ length: 32 }, (__, index) => index))],
    ['bytes counted down, past zero', Buffer.from(Array.from({ length: 32 }, (__, index) => 276 - index))],
    ['a letter in base64, repeated', Buffer.from('A'.repeat(44), 'base64')],
  ])('may not be %s', (_, key) => {
    const fault = `${name}: must be random, as openssl rand -base64 32 makes them; see key 2`;
    expect(faultsOf({ ...PRODUCTION, [name]: `k1:${KEY},k2:${key.toString('base64')}` })).toEqual([fault]);
  });

  it('may not be shorter than 32 bytes', () => {
    expect(faultsOf({ ...PRODUCTION, [name]: `k:${randomBytes(31).toString('base64')}` })).toEqual([
      `${name}: must be id:base64[,id:base64], each key of 32 bytes or more and each id once`,
    ]);
  });

  it('may not hold one key under two ids', () => {
    const written = KEY.replace(/=$/, '');
    expect(faultsOf({ ...PRODUCTION, [name]: `k1:${KEY},k2:${random()},k3:${written}` })).toEqual([
      `${name}: must not hold one key under two ids`,
    ]);
  });
});

it('the same key may not be in both, under whatever id', () => {
  const keys = { OTP_KEYS: `k1:${random()},k2:${KEY}`, CONTACT_KEYS: `c1:${KEY}` };

  expect(faultsOf({ ...PRODUCTION, ...keys })).toEqual(['CONTACT_KEYS: must hold no key of OTP_KEYS']);
});

it('all of that is at once in one refusal, and a machine to try it on may do it', () => {
  const zeros = Buffer.alloc(32).toString('base64');
  const keys = { OTP_KEYS: `k1:${zeros},k2:${zeros}`, CONTACT_KEYS: `k1:${zeros}` };

  expect(faultsOf({ ...PRODUCTION, ...keys })).toHaveLength(4);
  expect(faultsOf(keys)).toEqual([]);
});
