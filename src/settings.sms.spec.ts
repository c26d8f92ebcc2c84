import { describe, expect, it } from '@jest/globals';
import { faultsOf } from '../test/support/setting.js';
import { readConfig } from './config.js';

const KEY = `k:${Buffer.alloc(32, 1).toString('base64')}`;
const KEYS = { OTP_KEYS: KEY, CONTACT_KEYS: KEY };
const SMPP = { ...KEYS, SMS_PROVIDERS: 'smpp', SMPP_URL: 'smpp://shop:word@smsc.example:2775' };
const NO_COUNTRY = 'must begin with an ISO 3166 code and a colon (RU:), or *:';
const NO_PROVIDER: unknown = expect.stringMatching(
  /^SMS_ROUTES: entry \d must have a list of sandbox, .* behind its colon$/,
);

describe('SMS_ROUTES', () => {
  it.each([
    ['UK:sandbox', [`SMS_ROUTES: entry 1 ${NO_COUNTRY}`]],
    ['RU:sandbox;XX:sandbox;KZ:sandbox', [`SMS_ROUTES: entry 2 ${NO_COUNTRY}`]],
    ['RU:sandbox;RU:sandbox', ['SMS_ROUTES: entry 2 is for a country that has a route already']],
    ['RU:CANARY', [NO_PROVIDER]],
    ['RU:sandbox,sandbox', [NO_PROVIDER]],
    ['sandbox', [`SMS_ROUTES: entry 1 ${NO_COUNTRY}`, NO_PROVIDER]],
  ])('%s is refused with what is wrong in it', (SMS_ROUTES, faults) => {
    expect(faultsOf({ ...KEYS, SMS_ROUTES })).toEqual(faults);
  });

  it('takes every country that PHONE_COUNTRIES takes', () => {
    for (const country of ['GB', 'RU', 'XK', 'TA']) {
      expect(faultsOf({ ...KEYS, PHONE_COUNTRIES: country })).toEqual([]);
      expect(faultsOf({ ...KEYS, SMS_ROUTES: `${country}:sandbox` })).toEqual([]);
    }
  });
});

describe('SMS_SENDER', () => {
  it.each(['Shop', 'Shop & Co 2', '12345', '+79990000001', '1'.repeat(20)])('%s goes over SMPP', (SMS_SENDER) => {
    expect(readConfig({ ...SMPP, SMS_SENDER }).sms.sender).toBe(SMS_SENDER);
  });

  it.each(['Магазин', 'Shop of mine', '1'.repeat(21), `+${'1'.repeat(21)}`, 'Sh\top', ' Shop', 'Café'])(
    '%j does not',
    (SMS_SENDER) => {
      expect(faultsOf({ ...SMPP, SMS_SENDER })).toEqual([
        'SMS_SENDER: must be a number of up to 20 digits, or up to 11 characters of ASCII, for the provider smpp',
      ]);
      expect(readConfig({ ...KEYS, SMS_SENDER }).sms.sender).toBe(SMS_SENDER);
    },
  );
});
