import { fileURLToPath } from 'node:url';
import { count, type Setting, setting } from './setting.js';

/** Texts of two further languages. */
export const TEXTS_DIR = fileURLToPath(new URL('texts', import.meta.url));

const TEST_PHONES_ALLOWED = 'true';

/** The settings of what is written to people, and of test numbers. */
export const MESSAGES: readonly Setting[] = [
  ...(['RU', 'EN'] as const).map((language) =>
    setting(
      `OTP_MESSAGE_${language}`,
      (c) => c.message.texts.templates.get(language.toLowerCase())?.['sms'],
      undefined,
      [['{code} / {minutes} / {purpose}', '{code} / {minutes} / {purpose}']],
      ['no code in it', '{code} {name}', '{code} {}', '{ code }', '{CODE}', '{code} www.example.com', '{code}\t'],
    ),
  ),
  setting(
    'OTP_PURPOSE',
    (c) => c.message.purpose,
    undefined,
    [['some words', 'some words']],
    ['our {code}', '{purpose}', 'a { b', 'a } b'],
  ),
  setting(
    'OTP_WEB_DOMAIN',
    (c) => c.message.webDomain,
    undefined,
    [
      ['Consent.Example', 'consent.example'],
      ['согласие.РФ', 'xn--80afhlnque.xn--p1ai'],
      ['localhost', 'localhost'],
    ],
    ['192.0.2.1', '1', 'https://a.example', 'a.example/path', 'a..example', 'a example', '@a.example'],
  ),
  setting(
    'TEXTS_DIR',
    (c) => c.message.texts.languages,
    ['ru', 'en'],
    [[TEXTS_DIR, ['ru', 'en', 'de', 'kk']]],
    ['/nowhere', fileURLToPath(import.meta.url)],
  ),
  count('SMS_MAX_PARTS', (c) => c.message.maxParts, 3, 1, 10),
  setting(
    'TEST_PHONES',
    (c) => [...c.testPhones].map(([number, code]) => [number, code.reveal()]),
    [],
    [
      ['+79990000001:012345', [['+79990000001', '012345']]],
      [
        '+7 (999) 000-00-01:123456, +15005550006:654321',
        [
          ['+79990000001', '123456'],
          ['+15005550006', '654321'],
        ],
      ],
    ],
    [
      ...['+79990000001', '79990000001:123456', '+79990000001:12345', '+79990000001:1234567', '+79990000001:12345a'],
      ...[
        '+79990000001:123456:',
        '+79990000001:123456,',
        '+79990000001:١٢٣٤٥٦',
        '+123456:123456',
        '+0123456789:123456',
      ],
      ...['+79990000001:123456,+7 999 000-00-01:654321', 'phone:123456', `+${'1'.repeat(16)}:123456`],
    ],
    { TEST_PHONES_ALLOWED },
  ),
  setting(
    'TEST_PHONES_ALLOWED',
    (c) => c.testPhones.size,
    0,
    [
      ['true', 0],
      ['false', 0],
    ],
    ['yes', '2'],
  ),
];
