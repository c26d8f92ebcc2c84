import { fileURLToPath } from 'node:url';
import { type Setting, setting, words } from './setting.js';

/** A file that needs no other setting. */
const FILE = fileURLToPath(new URL('./gateway.yaml', import.meta.url));
const BY_FILE = { SMS_PROVIDERS: 'http', SMS_HTTP_TEMPLATE_FILE: FILE };
const BY_CONTRACT = { SMS_PROVIDERS: 'http', SMS_HTTP_URL: 'https://sms.example', SMS_HTTP_TOKEN: 'token' };

/** The settings of the provider http. */
export const HTTP_PROVIDER: readonly Setting[] = [
  setting(
    'SMS_HTTP_URL',
    (c) => c.sms.http?.url,
    undefined,
    [['https://a.example/sms', 'https://a.example/sms']],
    ['a.example', '//a.example', 'ftp://a.example', 'https://', 'https://user:password@a.example'],
    BY_FILE,
  ),
  words('SMS_HTTP_TOKEN', (c) => c.sms.http?.token?.reveal(), undefined, BY_FILE),
  words('SMS_HTTP_USER', (c) => c.sms.http?.user, undefined, BY_FILE),
  words('SMS_HTTP_WEBHOOK_SECRET', (c) => c.sms.http?.webhookSecret?.reveal(), undefined, BY_FILE),
  setting('SMS_HTTP_TEMPLATE_FILE', (c) => c.sms.http?.gateway.deduplicates, true, [[FILE, false]], [], BY_CONTRACT),
];
