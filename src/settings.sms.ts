import type { Environment } from './environment.js';
import { Secret } from './secret.js';
import { httpProvider } from './settings.http-provider.js';
import { type Config, SMS_PROVIDERS, type SmsProvider } from './settings.js';
import { country } from './settings.readers.js';

const PROVIDER_NAMES = `a list of ${SMS_PROVIDERS.join(', ')}, each once`;

/** `source_addr` has room for 20 octets (SMPP 3.4 §5.2.8), and phones for 11 characters (3GPP TS 23.040 §9.1.2.5). */
const SMPP_SENDER = /^(?:\+?\d{1,20}|[!-~](?:[ -~]{0,9}[!-~])?)$/;

/** Who sends, in which order, and how each is reached. */
export function smsSettings(env: Environment, production: boolean): Config['sms'] {
  const chain = env.parsed('SMS_PROVIDERS', PROVIDER_NAMES, providers) ?? ['sandbox'];
  const given = routesIn(env);
  const routes = new Map([['*', chain] as const, ...given]);
  const used = new Set([...routes.values()].flat());
  if (production && used.has('sandbox')) {
    const name = chain.includes('sandbox') ? 'SMS_PROVIDERS' : 'SMS_ROUTES';
    env.fault(name, 'must name a real provider in production; the sandbox sends nothing');
  }
  const sender = env.text('SMS_SENDER');
  if (used.has('smpp') && sender !== undefined && !SMPP_SENDER.test(sender)) {
    env.fault(
      'SMS_SENDER',
      'must be a number of up to 20 digits, or up to 11 characters of ASCII, for the provider smpp',
    );
  }
  return {
    routes,
    providers: [...used],
    sender,
    timeout: env.seconds('SMS_TIMEOUT', 10, 1, 120),
    concurrency: env.integer('SMS_CONCURRENCY', 64, 1, 10000),
    http: httpProvider(env, used.has('http'), production),
    twilio: twilioProvider(env, used.has('twilio')),
    smpp: smppProvider(env, used.has('smpp')),
  };
}

function providers(text: string): readonly SmsProvider[] | undefined {
  const names = text.split(',').map((name) => SMS_PROVIDERS.find((known) => known === name.trim()));
  const known = names.filter((name) => name !== undefined);
  return known.length === names.length && new Set(known).size === known.length ? known : undefined;
}

/** What is wrong with an entry is said with its place in the list. */
function routesIn(env: Environment): ReadonlyMap<string, readonly SmsProvider[]> {
  const routes = new Map<string, readonly SmsProvider[]>();
  for (const [index, entry] of (env.text('SMS_ROUTES')?.split(';') ?? []).entries()) {
    const [, code = '', names = ''] = /^\s*([^\s:]*)\s*:(.*)$/.exec(entry) ?? [];
    const chain = providers(names);
    const fault = (words: string): void => env.fault('SMS_ROUTES', `entry ${index + 1} ${words}`);
    if (code !== '*' && country(code) === undefined) fault('must begin with an ISO 3166 code and a colon (RU:), or *:');
    else if (routes.has(code)) fault('is for a country that has a route already');
    if (chain) routes.set(code, chain);
    else fault(`must have ${PROVIDER_NAMES}, behind its colon`);
  }
  return routes;
}

function twilioProvider(env: Environment, used: boolean): Config['sms']['twilio'] {
  const accountSid = env.text('TWILIO_ACCOUNT_SID');
  const authToken = secret(env, 'TWILIO_AUTH_TOKEN');
  const from = env.text('TWILIO_FROM');
  const messagingServiceSid = env.text('TWILIO_MESSAGING_SERVICE_SID');
  const baseUrl = env.url('TWILIO_BASE_URL', ['https:', 'http:']) ?? 'https://api.twilio.com';
  const { username, password, search, hash } = new URL(baseUrl);
  // The account has settings of its own; what follows the path would be cut by ours.
  if (username + password + search + hash !== '') {
    env.fault('TWILIO_BASE_URL', 'must hold no user, password, query or fragment');
  }
  if (!used) return undefined;
  if (accountSid === undefined) env.fault('TWILIO_ACCOUNT_SID', 'is needed by the provider twilio');
  if (authToken === undefined) env.fault('TWILIO_AUTH_TOKEN', 'is needed by the provider twilio');
  if ((from === undefined) === (messagingServiceSid === undefined)) {
    env.fault('TWILIO_FROM', 'or TWILIO_MESSAGING_SERVICE_SID, one of the two, is needed by the provider twilio');
  }
  if (accountSid === undefined || authToken === undefined) return undefined;
  return { accountSid, authToken, from, messagingServiceSid, baseUrl };
}

function smppProvider(env: Environment, used: boolean): Config['sms']['smpp'] {
  const url = secret(env, 'SMPP_URL');
  const ca = env.text('SMPP_CA');
  const window = env.integer('SMPP_WINDOW', 10, 1, 1000);
  const perSecond = env.integer('SMPP_PER_SECOND', 30, 1, 10000);
  const longText = env.choice('SMPP_LONG_TEXT', ['payload', 'udh'], 'payload');
  const receiptId = env.choice('SMPP_RECEIPT_ID', ['auto', 'same', 'decimal', 'hex'], 'auto');
  if (url === undefined) {
    if (used) env.fault('SMPP_URL', 'is needed by the provider smpp');
    return undefined;
  }
  if (!isSmppUrl(url.reveal())) {
    env.fault('SMPP_URL', 'must be smpp://system_id:password@host:port, or smpps:// for TLS; a % is written %25');
  }
  return used ? { url, ca, window, perSecond, longText, receiptId } : undefined;
}

function isSmppUrl(text: string): boolean {
  const url = URL.parse(text);
  if (!url || !['smpp:', 'smpps:'].includes(url.protocol) || !url.hostname) return false;
  if (!['', '/'].includes(url.pathname + url.search + url.hash)) return false;
  try {
    return decodeURIComponent(url.username) !== '' && typeof decodeURIComponent(url.password) === 'string';
  } catch {
    return false;
  }
}

function secret(env: Environment, name: string): Secret<string> | undefined {
  const text = env.text(name);
  return text === undefined ? undefined : new Secret(text);
}
