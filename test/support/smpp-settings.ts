import { count, type Setting, setting, words } from './setting.js';

const URL = 'smpps://shop:pass%2Fword@smsc.example:3550';
const USED = { SMS_PROVIDERS: 'smpp', SMPP_URL: URL };

/** The names that begin with SMPP_. What is not used is checked all the same. */
export const SMPP: readonly Setting[] = [
  setting(
    'SMPP_URL',
    (c) => c.sms.smpp?.url.reveal(),
    undefined,
    ['smpp://shop:password@127.0.0.1:2775', 'smpp://shop@[::1]', URL].map((text) => [text, undefined] as const),
    [
      ...[
        'nothing',
        'https://shop:word@smsc.example',
        'smpp://smsc.example',
        'smpp://:word@smsc.example',
        'smpp://shop@',
      ],
      ...['smpp://%ff:x@smsc.example', 'smpp://shop:x@smsc.example/path', 'smpp://shop:pass?word@smsc.example'],
    ],
  ),
  words('SMPP_CA', (c) => c.sms.smpp?.ca, undefined, USED),
  { ...count('SMPP_WINDOW', (c) => c.sms.smpp?.window, 10, 1, 1000), beside: USED },
  { ...count('SMPP_PER_SECOND', (c) => c.sms.smpp?.perSecond, 30, 1, 10_000), beside: USED },
  setting('SMPP_LONG_TEXT', (c) => c.sms.smpp?.longText, 'payload', [['udh', 'udh']], ['UDH', 'whole'], USED),
  setting(
    'SMPP_RECEIPT_ID',
    (c) => c.sms.smpp?.receiptId,
    'auto',
    [
      ['same', 'same'],
      ['decimal', 'decimal'],
      ['hex', 'hex'],
    ],
    ['HEX', 'octal'],
    USED,
  ),
];
