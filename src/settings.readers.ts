import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { Environment } from './environment.js';
import { type ArmedFailpoint, FAILPOINTS } from './failpoint.js';
import { Secret } from './secret.js';
import type { Config, DatabaseSettings, DocumentSettings, KafkaSettings } from './settings.js';

/** Where the data lie. */
export function databaseSettings(env: Environment, production: boolean): DatabaseSettings {
  const url = env.url('DATABASE_URL', ['postgresql:', 'postgres:']);
  const directUrl = env.url('DATABASE_DIRECT_URL', ['postgresql:', 'postgres:']) ?? url;
  const ssl = env.choice('DATABASE_SSL', ['off', 'require', 'verify-full'], 'off');
  if (ssl !== 'off') {
    if (speaksOfTls(url)) env.fault('DATABASE_URL', 'must hold no ssl parameter beside DATABASE_SSL');
    if (directUrl !== url && speaksOfTls(directUrl)) {
      env.fault('DATABASE_DIRECT_URL', 'must hold no ssl parameter beside DATABASE_SSL');
    }
  }
  return {
    url: url === undefined ? undefined : new Secret(url),
    directUrl: directUrl === undefined ? undefined : new Secret(directUrl),
    poolSize: env.integer('DATABASE_POOL_SIZE', 10, 1, 1000),
    ssl,
    sslCa: env.text('DATABASE_SSL_CA'),
    dataDir: resolve(env.text('DATA_DIR', '.data')),
    migrate: env.flag('MIGRATE', !production),
  };
}

/** The driver lets a URL's `sslmode=no-verify` win over all that is said beside it. */
function speaksOfTls(url: string | undefined): boolean {
  const names = [...(URL.parse(url ?? '')?.searchParams.keys() ?? [])];
  return names.some((name) => name.startsWith('ssl') || name === 'uselibpqcompat');
}

/** Where and for whom it listens. @param open whether nobody needs a key */
export function httpSettings(env: Environment, open: boolean): Config['http'] {
  const host = env.text('HOST', '127.0.0.1');
  const anonymous = env.flag('ALLOW_ANONYMOUS', false);
  if (open && !anonymous && !isLoopback(host)) {
    env.fault('HOST', 'must be a loopback address while API_KEYS is not set (or say ALLOW_ANONYMOUS=true)');
  }
  const port = env.integer('PORT', 3000, 0, 65535);
  const metricsPort = env.integer('METRICS_PORT', 0, 1, 65535) || undefined;
  if (metricsPort !== undefined && metricsPort === port) env.fault('METRICS_PORT', 'must not be PORT');
  return {
    host,
    port,
    metricsPort,
    corsOrigins:
      env.list('CORS_ORIGINS', 'a list of origins such as https://example.com', (text) =>
        URL.parse(text)?.origin === text ? text : undefined,
      ) ?? [],
    trustedProxies: env.list('TRUSTED_PROXIES', 'a list of addresses or CIDR blocks', cidr) ?? [],
    publicUrl: publicUrl(env),
  };
}

/** How the service is reached from outside: a beginning of addresses, which go on with a path. */
export function publicUrl(env: Environment): string | undefined {
  const url = env.url('PUBLIC_URL', ['https:', 'http:']);
  const { username, password } = URL.parse(url ?? '') ?? { username: '', password: '' };
  if (url !== undefined && (/[?#]/.test(url) || username + password !== '')) {
    env.fault('PUBLIC_URL', 'must hold no user, password, query or fragment');
  }
  return url;
}

/** An address of this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function cidr(text: string): string | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  const widest = family === 6 ? 128 : 32;
  const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= widest);
  return family !== 0 && fits && rest.length === 0 ? text : undefined;
}

/** None without `KAFKA_BROKERS`. */
export function kafkaSettings(env: Environment): KafkaSettings | undefined {
  const brokers = env.list('KAFKA_BROKERS', 'a list of host:port', (text) =>
    /^[^\s:]+:\d{1,5}$/.test(text) && Number(text.split(':')[1]) < 65536 ? text : undefined,
  );
  const ca = env.text('KAFKA_SSL_CA');
  const mechanism = env.choice('KAFKA_SASL_MECHANISM', ['plain', 'scram-sha-256', 'scram-sha-512']);
  const username = env.text('KAFKA_SASL_USERNAME');
  const password = env.text('KAFKA_SASL_PASSWORD');
  if (mechanism && username === undefined) env.fault('KAFKA_SASL_USERNAME', 'is needed with KAFKA_SASL_MECHANISM');
  if (mechanism && password === undefined) env.fault('KAFKA_SASL_PASSWORD', 'is needed with KAFKA_SASL_MECHANISM');
  const topic = env.text('KAFKA_TOPIC', 'clients.agreement');
  const dlqTopic = env.text('KAFKA_DLQ_TOPIC', 'clients.agreement.dlq');
  // What cannot be handled would come back for ever.
  if (topic === dlqTopic) env.fault('KAFKA_DLQ_TOPIC', 'must be another topic than KAFKA_TOPIC');
  const settings = {
    topic,
    dlqTopic,
    groupId: env.text('KAFKA_GROUP_ID', 'agreement-service'),
    clientId: env.text('KAFKA_CLIENT_ID', 'agreement-service'),
    ssl: env.flag('KAFKA_SSL', false) ? (ca === undefined ? {} : { ca }) : (false as const),
    ...(mechanism && username && password ? { sasl: { mechanism, username, password: new Secret(password) } } : {}),
  };
  return brokers && { brokers: [...brokers], ...settings };
}

/** The numbers of the domain. */
export function otpSettings(env: Environment): Config['otp'] {
  const attempts = env.integer('OTP_ATTEMPTS', 3, 1, 10);
  return {
    length: env.integer('OTP_LENGTH', 6, 6, 10),
    ttl: env.seconds('OTP_TTL', 900, 1, 3600),
    resendInterval: env.seconds('OTP_RESEND_INTERVAL', 60, 0, 3600),
    attempts,
    maxCodes: env.integer('OTP_MAX_CODES', 5, 1, 100),
    maxFailures: env.integer('OTP_MAX_FAILURES', 6, 1, 100),
    agreementTtl: env.seconds('AGREEMENT_TTL', 86400, 1, 31536000),
  };
}

/** For requests that name none; in production only where the operator says so. */
export function documentDefault(env: Environment, production: boolean): DocumentSettings | undefined {
  const given = env.parsed('DOCUMENT_DEFAULT', 'id:version:sha256', (text) => {
    const match = /^([A-Za-z0-9._-]{1,64}):([A-Za-z0-9._-]{1,64}):([0-9a-fA-F]{64})$/.exec(text);
    return match ? { id: match[1] ?? '', version: match[2] ?? '', sha256: (match[3] ?? '').toLowerCase() } : undefined;
  });
  if (given || production) return given;
  const sha256 = createHash('sha256').update('I agree to the processing of my personal data.').digest('hex');
  return { id: 'sandbox', version: '1', sha256 };
}

const REGIONS = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });

/** A country as ISO 3166 writes it; undefined where there is none of that code. */
export function country(text: string): string | undefined {
  if (!/^[A-Z]{2}$/.test(text) || REGIONS.of(text) === undefined) return undefined;
  // What looks right and is not: UK, whose code is GB.
  return new Intl.Locale(`und-${text}`).region === text ? text : undefined;
}

/** A name as DNS knows it: in lower case, IDN as A-labels (UTS #46, as the URL parser does it); undefined where it is none. */
export function hostName(text: string): string | undefined {
  const host = /[\s/:?#@%\\[\]]/.test(text) ? '' : (URL.parse(`http://${text}`)?.hostname ?? '');
  return /^[a-z\d-]+(\.[a-z\d-]+)*$/.test(host) && isIP(host) === 0 ? host : undefined;
}

/** Which numbers may be sent to. */
export function phoneSettings(env: Environment): Config['phone'] {
  const countries = env.list('PHONE_COUNTRIES', '* or a list of ISO 3166 codes such as RU,KZ', (text) =>
    text === '*' ? text : country(text),
  );
  return {
    countries: countries === undefined || countries.includes('*') ? '*' : new Set(countries),
    defaultRegion: env.parsed('PHONE_DEFAULT_REGION', 'an ISO 3166 code such as RU', country),
  };
}

/** How long the process may take to go. */
export function shutdownSettings(env: Environment, production: boolean): Config['shutdown'] {
  return {
    delay: env.seconds('SHUTDOWN_DELAY', production ? 5 : 0, 0, 600),
    timeout: env.seconds('SHUTDOWN_TIMEOUT', 25, 1, 3600),
  };
}

/** Where the process is to be killed or stopped: `name=kill` or `name=stop`, `@n` for the n-th time it comes by. */
export function failpoints(env: Environment, production: boolean): readonly ArmedFailpoint[] {
  const list = env.list('FAILPOINTS', 'a list of name=kill or name=stop, with @n for the n-th time', failpoint);
  if (list && production) env.fault('FAILPOINTS', 'is for tests of reliability, and refused in production');
  return list ?? [];
}

function failpoint(entry: string): ArmedFailpoint | undefined {
  const [, given, action, pass = '1'] = /^([a-z.]+)=(kill|stop)(?:@([1-9]\d{0,5}))?$/.exec(entry) ?? [];
  const name = FAILPOINTS.find((known) => known === given);
  return name && { name, signal: action === 'kill' ? 'SIGKILL' : 'SIGSTOP', pass: Number(pass) };
}
