import { count, flag, type Setting, setting } from './setting.js';

/** What is not used is checked all the same; what becomes of it where it is used, `settings.email.spec.ts` asks. */
const CHECKED = (name: string, takes: readonly string[], refuses: readonly string[]): Setting =>
  setting(
    name,
    (c) => c.email.smtp,
    undefined,
    takes.map((text) => [text, undefined] as const),
    refuses,
  );

/** The names that begin with EMAIL_ and SMTP_. */
export const EMAIL: readonly Setting[] = [
  setting(
    'EMAIL_PROVIDERS',
    (c) => c.email.providers.join(),
    'sandbox',
    [['sandbox', 'sandbox']],
    [...['carrier', 'sandbox,sandbox', 'smtp;sandbox']],
  ),
  CHECKED(
    'SMTP_URL',
    ['smtps://user:password@mail.example:465', 'smtp://mail.example', 'smtp://127.0.0.1:1025?tls=off', 'smtp://[::1]'],
    [
      ...[
        'nothing',
        'https://mail.example',
        'smtp://',
        '//mail.example',
        'smtp://mail.example/path',
        'smtp://:word@a.example',
      ],
      ...[
        'smtp://a.example?tls=maybe',
        'smtps://a.example?tls=off',
        'smtp://a.example?secure=false',
        'smtp://%ff:x@a.example',
        'smtps://user@a.example',
        'smtps://user:@a.example',
      ],
    ],
  ),
  {
    ...setting('SMTP_CA', (c) => c.email.smtp?.ca, undefined, [['PEM', 'PEM']]),
    beside: {
      ...{ EMAIL_PROVIDERS: 'smtp', SMTP_URL: 'smtps://mail.example', EMAIL_SENDER: 'no-reply@shop.example' },
    },
  },
  {
    ...count('SMTP_CONNECTIONS', (c) => c.email.smtp?.connections, 5, 1, 1000),
    beside: {
      ...{ EMAIL_PROVIDERS: 'smtp', SMTP_URL: 'smtps://mail.example', EMAIL_SENDER: 'no-reply@shop.example' },
    },
  },
  CHECKED(
    'EMAIL_SENDER',
    ['no-reply@shop.example', 'Shop <no-reply@shop.example>', '"Shop, Ltd." <no-reply@shop.example>', 'dev@localhost'],
    [
      'shop',
      'Shop <no-reply>',
      '<>',
      'a@b@shop.example',
      'Shop <a@shop.example',
      'Shop\r\nBcc: x@y.example <a@shop.example>',
    ],
  ),
  flag('EMAIL_CHECK_MX', (c) => c.email.checkMx, false),
  setting(
    'EMAIL_DNS_SERVERS',
    (c) => c.email.dnsServers,
    undefined,
    [
      ['127.0.0.1:5353, 192.0.2.1', ['127.0.0.1:5353', '192.0.2.1']],
      ['[::1]:5353,2001:db8::1', ['[::1]:5353', '2001:db8::1']],
    ],
    ['ns.example', '127.0.0.1:0', '127.0.0.1:65536', '1.2.3', '[::1', '127.0.0.1,'],
  ),
  setting(
    'EMAIL_BLOCKED_DOMAINS',
    (c) => c.email.blockedDomains,
    new Set(),
    [['Mailinator.com, почта.рф', new Set(['mailinator.com', 'xn--80a1acny.xn--p1ai'])]],
    ['com', 'a b.com', 'a@b.com', '.com', 'a.com,', '127.0.0.1', 'https://a.com'],
  ),
];
