import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { PRINTED_WHOLE } from '../test/support/printing.js';
import { faultsOf } from '../test/support/setting.js';
import { readConfig } from './config.js';

const key = (of: string): string => `k:${createHash('sha256').update(of).digest('base64')}`;
const KEYS = { OTP_KEYS: key('codes'), CONTACT_KEYS: key('contacts') };
const TEST_PHONES = '+79990000001:918273';
const PRODUCTION = {
  ...{ NODE_ENV: 'production', HOST: '0.0.0.0', API_KEYS: `shop:${'ab'.repeat(32)}`, PHONE_COUNTRIES: 'RU' },
  ...{ ...KEYS, DATABASE_URL: 'postgresql://db/agreement', KAFKA_BROKERS: 'kafka:9092' },
  ...{ SMS_PROVIDERS: 'http', SMS_HTTP_URL: 'https://sms.example', SMS_HTTP_TOKEN: 'token' },
};

describe('test numbers', () => {
  it.each([
    ['nowhere else', KEYS],
    ['production', PRODUCTION],
  ])('are refused without the switch that allows them, in %s', (_, environment) => {
    for (const TEST_PHONES_ALLOWED of ['', 'false', '0']) {
      expect(faultsOf({ ...environment, TEST_PHONES, TEST_PHONES_ALLOWED })).toEqual([
        'TEST_PHONES: is refused unless TEST_PHONES_ALLOWED=true: whoever knows these codes can confirm',
      ]);
    }
    expect(faultsOf({ ...environment, TEST_PHONES, TEST_PHONES_ALLOWED: 'true' })).toEqual([]);
    expect(faultsOf({ ...environment, TEST_PHONES_ALLOWED: 'true' })).toEqual([]);
  });

  it('are warned of at the start, without which they are', () => {
    const { warnings } = readConfig({ ...KEYS, TEST_PHONES, TEST_PHONES_ALLOWED: 'true' });

    expect(warnings).toEqual(['TEST_PHONES: numbers that get no text, count for no limit and have a fixed code: 1']);
    expect(readConfig({ ...KEYS, TEST_PHONES_ALLOWED: 'true' }).warnings).toEqual([]);
  });

  it('have codes of the length that all codes have', () => {
    const settings = { ...KEYS, TEST_PHONES_ALLOWED: 'true', OTP_LENGTH: '8' };

    expect(faultsOf({ ...settings, TEST_PHONES })).toEqual([
      expect.stringContaining('OTP_LENGTH (8) digits; see entry 1'),
    ]);
    expect(faultsOf({ ...settings, TEST_PHONES: '+79990000001:91827364' })).toEqual([]);
  });

  it('are named in a fault by their place alone, and printed by nothing', () => {
    const wrong = faultsOf({ ...KEYS, TEST_PHONES: `${TEST_PHONES},+79990000002:91827`, TEST_PHONES_ALLOWED: 'true' });
    expect(wrong).toEqual([expect.stringMatching(/see entry 2$/)]);
    expect(wrong.join()).not.toMatch(/91827|7999/);

    const config = readConfig({ ...KEYS, TEST_PHONES, TEST_PHONES_ALLOWED: 'true' });
    for (const [, print] of PRINTED_WHOLE) expect(print(config)).not.toContain('918273');
  });
});
