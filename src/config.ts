import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { Environment } from './environment.js';
import type { KafkaSettings } from './kafka/index.js';
import { localKey } from './local-keys.js';
import { Secret } from './secret.js';

/** Injection token of the configuration. */
export const CONFIG = Symbol('CONFIG');

export const ROLES = ['api', 'relay', 'worker'] as const;
export type Role = (typeof ROLES)[number];

export const SCOPES = ['create', 'confirm', 'read', 'admin', 'operator'] as const;
export type Scope = (typeof SCOPES)[number];

/** One key of a key ring: the id is stored beside what the key made. */
export interface NamedKey {
  readonly id: string;
  readonly secret: Secret<Buffer>;
}

export interface ApiKey {
  readonly client: string;
  /** SHA-256 of the key. */
  readonly digest: Buffer;
  readonly scopes: ReadonlySet<Scope>;
}

export interface DocumentSettings {
  readonly id: string;
  readonly version: string;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
}

export interface DatabaseSettings {
  /** None: an embedded PostgreSQL below `dataDir`. */
  readonly url: Secret<string> | undefined;
  readonly directUrl: Secret<string> | undefined;
  readonly poolSize: number;
  readonly ssl: 'off' | 'require' | 'verify-full';
  readonly sslCa: string | undefined;
  readonly dataDir: string;
  readonly migrate: boolean;
}

/** All durations in milliseconds. */
export interface Config {
  readonly production: boolean;
  readonly http: {
    readonly host: string;
    readonly port: number;
    readonly corsOrigins: readonly string[];
    readonly trustedProxies: readonly string[];
    readonly publicUrl: string | undefined;
  };
  readonly roles: ReadonlySet<Role>;
  /** None: open to everybody as the client `local`. */
  readonly apiKeys: readonly ApiKey[] | undefined;
  readonly database: DatabaseSettings;
  readonly shutdown: { readonly delay: number; readonly timeout: number };
  /** None: events are handed over inside the process. */
  readonly kafka: KafkaSettings | undefined;
  readonly otpKeys: readonly NamedKey[];
  readonly contactKeys: readonly NamedKey[];
  readonly otp: {
    readonly length: number;
    readonly ttl: number;
    readonly resendInterval: number;
    readonly attempts: number;
    readonly maxCodes: number;
    readonly maxFailures: number;
    readonly agreementTtl: number;
  };
  readonly message: {
    readonly ru: string;
    readonly en: string;
    readonly purpose: string | undefined;
    readonly webDomain: string | undefined;
  };
  readonly documentDefault: DocumentSettings | undefined;
  readonly phone: { readonly countries: ReadonlySet<string> | '*'; readonly defaultRegion: string | undefined };
  readonly sms: {
    readonly provider: 'sandbox' | 'http';
    readonly sender: string | undefined;
    readonly timeout: number;
    readonly concurrency: number;
    readonly httpUrl: string | undefined;
    readonly httpToken: Secret<string> | undefined;
  };
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  /** What is probably a mistake but does not stop the start. */
  readonly warnings: readonly string[];
}

/** The environment does not make sense; `message` names every fault, a line each, and holds no value. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(`The configuration is not usable:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  }
}

const DEFAULT_MESSAGES = {
  ru: '{code} - код согласия на {purpose}. Действует {minutes} мин. Никому его не сообщайте.',
  en: '{code} is your code to agree to {purpose}. It is valid for {minutes} min. Do not share it.',
};

/** Names of the contract that this version knows but does not act on; whoever sets one must be told. */
const NOT_USED_YET =
  /^(METRICS_PORT|LIMIT_.+|GUARD_.+|SMS_ROUTES|SMS_HTTP_TEMPLATE_FILE|SMS_HTTP_WEBHOOK_SECRET(_FILE)?|TWILIO_.+|SMPP_.+|EMAIL_.+|SMTP_URL(_FILE)?|TEST_PHONES(_ALLOWED)?(_FILE)?|RETENTION_.+)$/;

/**
 * Reads and checks the whole configuration.
 * @param variables names and values as in the contract; the process's environment unless a test gives its own
 * @throws ConfigError naming every fault at once
 */
export function readConfig(variables: Readonly<Record<string, string | undefined>> = process.env): Config {
  const env = new Environment(variables);
  const production = env.text('NODE_ENV', 'development') === 'production';
  const database = databaseSettings(env, production);
  const roles = new Set(env.list('ROLES', `a list of ${ROLES.join(', ')}`, (name) => ROLES.find((r) => r === name)) ?? ROLES);
  const kafka = kafkaSettings(env);
  const apiKeys = env.list('API_KEYS', 'client:sha256-hex[:scope+scope], comma-separated', apiKey);
  const otpKeys = keyRing(env, 'OTP_KEYS');
  const contactKeys = keyRing(env, 'CONTACT_KEYS');
  const config = {
    production,
    http: httpSettings(env, apiKeys === undefined),
    roles,
    apiKeys,
    database,
    shutdown: {
      delay: env.seconds('SHUTDOWN_DELAY', production ? 5 : 0, 0, 600),
      timeout: env.seconds('SHUTDOWN_TIMEOUT', 25, 1, 3600),
    },
    kafka,
    otp: otpSettings(env),
    message: messageSettings(env),
    documentDefault: documentDefault(env, production),
    phone: phoneSettings(env),
    sms: smsSettings(env, production),
    logLevel: env.choice('LOG_LEVEL', ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info'),
  } as const;
  if (production) requireForProduction(env);
  checkRoles(env, config);
  if (env.faults.length > 0) throw new ConfigError(env.faults);
  return {
    ...config,
    otpKeys: otpKeys ?? namedKeys(localKey(database.dataDir, 'otp-key')),
    contactKeys: contactKeys ?? namedKeys(localKey(database.dataDir, 'contact-key')),
    warnings: warnings(env, variables),
  };
}

/**
 * Reads only what a migration needs, so that the migration job wants no other secret.
 * @throws ConfigError naming every fault at once
 */
export function readDatabaseSettings(
  variables: Readonly<Record<string, string | undefined>> = process.env,
): DatabaseSettings {
  const env = new Environment(variables);
  const settings = databaseSettings(env, env.text('NODE_ENV') === 'production');
  if (env.faults.length > 0) throw new ConfigError(env.faults);
  return settings;
}

function databaseSettings(env: Environment, production: boolean): DatabaseSettings {
  const url = env.url('DATABASE_URL', ['postgresql:', 'postgres:']);
  const directUrl = env.url('DATABASE_DIRECT_URL', ['postgresql:', 'postgres:']) ?? url;
  const ssl = env.choice('DATABASE_SSL', ['off', 'require', 'verify-full'], 'off');
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

function httpSettings(env: Environment, open: boolean): Config['http'] {
  const host = env.text('HOST', '127.0.0.1');
  if (open && !env.flag('ALLOW_ANONYMOUS', false) && !isLoopback(host)) {
    env.fault('HOST', 'must be a loopback address while API_KEYS is not set (or say ALLOW_ANONYMOUS=true)');
  }
  return {
    host,
    port: env.integer('PORT', 3000, 0, 65535),
    corsOrigins:
      env.list('CORS_ORIGINS', 'a list of origins such as https://example.com', (text) =>
        URL.parse(text)?.origin === text ? text : undefined,
      ) ?? [],
    trustedProxies: env.list('TRUSTED_PROXIES', 'a list of addresses or CIDR blocks', cidr) ?? [],
    publicUrl: env.url('PUBLIC_URL', ['https:', 'http:']),
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function cidr(text: string): string | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  const widest = family === 6 ? 128 : 32;
  const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= widest);
  return family !== 0 && fits && rest.length === 0 ? text : undefined;
}

function apiKey(entry: string): ApiKey | undefined {
  const [client = '', digest = '', scopeNames = 'create+confirm+read', ...rest] = entry.split(':');
  const scopes = scopeNames.split('+').map((name) => SCOPES.find((scope) => scope === name));
  const wellFormed = /^[A-Za-z0-9._-]{1,64}$/.test(client) && /^[0-9a-fA-F]{64}$/.test(digest) && rest.length === 0;
  if (!wellFormed || !scopes.every((scope) => scope !== undefined)) return undefined;
  return { client, digest: Buffer.from(digest, 'hex'), scopes: new Set(scopes) };
}

function kafkaSettings(env: Environment): KafkaSettings | undefined {
  const brokers = env.list('KAFKA_BROKERS', 'a list of host:port', (text) =>
    /^[^\s:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/.test(text) ? text : undefined,
  );
  const ca = env.text('KAFKA_SSL_CA');
  const mechanism = env.choice('KAFKA_SASL_MECHANISM', ['plain', 'scram-sha-256', 'scram-sha-512']);
  const username = env.text('KAFKA_SASL_USERNAME');
  const password = env.text('KAFKA_SASL_PASSWORD');
  if (mechanism && username === undefined) env.fault('KAFKA_SASL_USERNAME', 'is needed with KAFKA_SASL_MECHANISM');
  if (mechanism && password === undefined) env.fault('KAFKA_SASL_PASSWORD', 'is needed with KAFKA_SASL_MECHANISM');
  const topic = env.text('KAFKA_TOPIC', 'clients.agreement');
  const settings = {
    topic,
    dlqTopic: env.text('KAFKA_DLQ_TOPIC', 'clients.agreement.dlq'),
    groupId: env.text('KAFKA_GROUP_ID', 'agreement-service'),
    clientId: env.text('KAFKA_CLIENT_ID', 'agreement-service'),
    ssl: env.flag('KAFKA_SSL', false) ? (ca === undefined ? {} : { ca }) : (false as const),
    ...(mechanism && username && password ? { sasl: { mechanism, username, password } } : {}),
  };
  return brokers && { brokers: [...brokers], ...settings };
}

function keyRing(env: Environment, name: string): readonly NamedKey[] | undefined {
  const expected = 'id:base64[,id:base64], each key of 32 bytes or more and each id once';
  return env.parsed(name, expected, (text) => {
    const wellFormed = text.split(',').every((entry) => /^[\w.-]{1,64}:[A-Za-z0-9+/]{43,}={0,2}$/.test(entry.trim()));
    const keys = namedKeys(text);
    const ids = new Set(keys.map((key) => key.id));
    return wellFormed && ids.size === keys.length ? keys : undefined;
  });
}

function namedKeys(text: string): NamedKey[] {
  return text.split(',').map((entry) => {
    const [id = '', secret = ''] = entry.trim().split(':');
    return { id, secret: new Secret(Buffer.from(secret, 'base64')) };
  });
}

function otpSettings(env: Environment): Config['otp'] {
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

function messageSettings(env: Environment): Config['message'] {
  const purpose = env.text('OTP_PURPOSE');
  const template = (name: string, fallback: string): string => {
    const text = env.text(name, fallback);
    const placeholders: string[] = text.match(/\{[^}]*\}/g) ?? [];
    if (!placeholders.includes('{code}')) env.fault(name, 'must contain {code}');
    if (placeholders.some((found) => !['{code}', '{minutes}', '{purpose}'].includes(found))) {
      env.fault(name, 'may contain only the placeholders {code}, {minutes} and {purpose}');
    }
    return text;
  };
  return {
    ru: template('OTP_MESSAGE_RU', DEFAULT_MESSAGES.ru),
    en: template('OTP_MESSAGE_EN', DEFAULT_MESSAGES.en),
    purpose,
    webDomain: env.parsed('OTP_WEB_DOMAIN', 'a domain name without scheme or path', (text) =>
      /^[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(text) ? text.toLowerCase() : undefined,
    ),
  };
}

function documentDefault(env: Environment, production: boolean): DocumentSettings | undefined {
  const given = env.parsed('DOCUMENT_DEFAULT', 'id:version:sha256', (text) => {
    const match = /^([A-Za-z0-9._-]{1,64}):([A-Za-z0-9._-]{1,64}):([0-9a-fA-F]{64})$/.exec(text);
    return match ? { id: match[1] ?? '', version: match[2] ?? '', sha256: (match[3] ?? '').toLowerCase() } : undefined;
  });
  if (given || production) return given;
  const sha256 = createHash('sha256').update('I agree to the processing of my personal data.').digest('hex');
  return { id: 'sandbox', version: '1', sha256 };
}

function phoneSettings(env: Environment): Config['phone'] {
  const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });
  const country = (text: string): string | undefined =>
    /^[A-Z]{2}$/.test(text) && names.of(text) !== undefined ? text : undefined;
  const countries = env.list('PHONE_COUNTRIES', '* or a list of ISO 3166 codes such as RU,KZ', (text) =>
    text === '*' ? text : country(text),
  );
  return {
    countries: countries === undefined || countries.includes('*') ? '*' : new Set(countries),
    defaultRegion: env.parsed('PHONE_DEFAULT_REGION', 'an ISO 3166 code such as RU', country),
  };
}

function smsSettings(env: Environment, production: boolean): Config['sms'] {
  const provider = env.choice('SMS_PROVIDERS', ['sandbox', 'http'], 'sandbox');
  const httpUrl = env.url('SMS_HTTP_URL', ['https:', 'http:']);
  const httpToken = env.text('SMS_HTTP_TOKEN');
  if (production && provider === 'sandbox') {
    env.fault('SMS_PROVIDERS', 'must name a real provider in production; the sandbox sends nothing');
  }
  if (provider === 'http' && httpUrl === undefined) env.fault('SMS_HTTP_URL', 'is needed by the provider http');
  if (provider === 'http' && httpToken === undefined) env.fault('SMS_HTTP_TOKEN', 'is needed by the provider http');
  return {
    provider,
    sender: env.text('SMS_SENDER'),
    timeout: env.seconds('SMS_TIMEOUT', 10, 1, 120),
    concurrency: env.integer('SMS_CONCURRENCY', 64, 1, 10000),
    httpUrl,
    httpToken: httpToken === undefined ? undefined : new Secret(httpToken),
  };
}

function requireForProduction(env: Environment): void {
  for (const name of ['DATABASE_URL', 'KAFKA_BROKERS', 'OTP_KEYS', 'CONTACT_KEYS', 'API_KEYS', 'PHONE_COUNTRIES']) {
    const alreadyNamed = env.faults.some((fault) => fault.startsWith(name));
    if (!alreadyNamed && env.text(name) === undefined) env.fault(name, 'must be set in production');
  }
}

function checkRoles(env: Environment, { roles, database, kafka }: Pick<Config, 'roles' | 'database' | 'kafka'>): void {
  if (!database.url && roles.size < ROLES.length) {
    env.fault('ROLES', `must be ${ROLES.join(',')} in one process while DATABASE_URL is not set`);
  } else if (!kafka && roles.has('relay') !== roles.has('worker')) {
    env.fault('ROLES', 'relay and worker must share a process while KAFKA_BROKERS is not set');
  }
}

function warnings(env: Environment, variables: Readonly<Record<string, string | undefined>>): string[] {
  const unused = Object.keys(variables).filter((name) => variables[name] && NOT_USED_YET.test(name));
  const unknown = env.unread(['OTP_', 'SMS_', 'KAFKA_', 'DATABASE_']).filter((name) => !NOT_USED_YET.test(name));
  return [
    ...unused.map((name) => `${name} is set, but this version does nothing with it`),
    ...unknown.map((name) => `${name} is not a setting of this service: a typing error?`),
  ];
}
