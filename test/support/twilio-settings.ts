import { type Setting, setting, words } from './setting.js';

const ACCOUNT = { SMS_PROVIDERS: 'twilio', TWILIO_ACCOUNT_SID: 'AC0', TWILIO_AUTH_TOKEN: 'token' };
const USED = { ...ACCOUNT, TWILIO_FROM: '+15005550006' };
const WITH_SERVICE = { ...ACCOUNT, TWILIO_MESSAGING_SERVICE_SID: 'MG0' };

/** The names that begin with TWILIO_; the account must name the first four of them, and has no defaults for them. */
export const TWILIO: readonly Setting[] = [
  words('TWILIO_ACCOUNT_SID', (c) => c.sms.twilio?.accountSid, 'AC0', USED),
  words('TWILIO_AUTH_TOKEN', (c) => c.sms.twilio?.authToken.reveal(), 'token', USED),
  words('TWILIO_FROM', (c) => c.sms.twilio?.from, '+15005550006', USED),
  words('TWILIO_MESSAGING_SERVICE_SID', (c) => c.sms.twilio?.messagingServiceSid, 'MG0', WITH_SERVICE),
  setting(
    'TWILIO_BASE_URL',
    (c) => c.sms.twilio?.baseUrl,
    'https://api.twilio.com',
    [['https://api.dublin.ie1.twilio.com', 'https://api.dublin.ie1.twilio.com']],
    [
      ...['nothing', 'ftp://example.com', '//example.com', 'https://shop@example.com', 'https://example.com/?a=1'],
      'https://example.com/#a',
    ],
    USED,
  ),
];
