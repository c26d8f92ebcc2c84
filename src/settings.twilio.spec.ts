import { describe, expect, it } from '@jest/globals';
import { faultsOf } from '../test/support/setting.js';

const KEY = `k:${Buffer.alloc(32, 1).toString('base64')}`;
const USED = { OTP_KEYS: KEY, CONTACT_KEYS: KEY, SMS_PROVIDERS: 'sandbox', SMS_ROUTES: 'RU:twilio' };
const ACCOUNT = { TWILIO_ACCOUNT_SID: 'AC0', TWILIO_AUTH_TOKEN: 'canary' };
const SENDER = 'TWILIO_FROM: or TWILIO_MESSAGING_SERVICE_SID, one of the two, is needed by the provider twilio';

describe('the account at Twilio', () => {
  it('is not asked for where no text goes there', () => {
    expect(faultsOf({ ...USED, SMS_ROUTES: 'RU:sandbox' })).toEqual([]);
  });

  it('must have a name, a token and a sender', () => {
    expect(faultsOf(USED)).toEqual([
      'TWILIO_ACCOUNT_SID: is needed by the provider twilio',
      'TWILIO_AUTH_TOKEN: is needed by the provider twilio',
      SENDER,
    ]);
  });

  it.each<[string, Record<string, string>, readonly string[]]>([
    ['a number', { TWILIO_FROM: '+15005550006' }, []],
    ['a messaging service', { TWILIO_MESSAGING_SERVICE_SID: 'MG0' }, []],
    ['neither', {}, [SENDER]],
    ['both', { TWILIO_FROM: '+15005550006', TWILIO_MESSAGING_SERVICE_SID: 'MG0' }, [SENDER]],
  ])('sends from %s', (_, sender, faults) => {
    expect(faultsOf({ ...USED, ...ACCOUNT, ...sender })).toEqual(faults);
  });
});
