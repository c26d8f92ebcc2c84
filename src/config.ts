import { Environment } from './environment.js';
import { localKey } from './local-keys.js';
import { apiKeySettings } from './settings.api-keys.js';
import { emailSettings } from './settings.email.js';
import { type ApiKey, type Config, type DatabaseSettings, type KafkaSettings, ROLES } from './settings.js';
import { keyRing, keySettings, namedKeys } from './settings.keys.js';
import { limitSettings, longestLimit } from './settings.limits.js';
import {
  databaseSettings,
  documentDefault,
  failpoints,
  httpSettings,
  kafkaSettings,
  otpSettings,
  phoneSettings,
  publicUrl,
  shutdownSettings,
} from './settings.readers.js';
import { retentionSettings } from './settings.retention.js';
import { smsSettings } from './settings.sms.js';
import { testPhones } from './settings.test-phones.js';
import { messageSettings } from './settings.texts.js';

export * from './settings.js';
export { longestWindow } from './settings.limits.js';

/** The environment does not make sense; `message` names every fault, a line each, and holds no value. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(`The configuration is not usable:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  }
}

/**
 * Reads and checks the whole configuration.
 * @param variables names and values as in the contract; the process's environment unless a test gives its own
 * @throws ConfigError naming every fault at once
 */
export function readConfig(variables: Readonly<Record<string, string | undefined>> = process.env): Config {
  const env = new Environment(variables);
  const production = isProduction(env);
  const database = databaseSettings(env, production);
  const roles = new Set(
    env.list('ROLES', `a list of ${ROLES.join(', ')}`, (name) => ROLES.find((r) => r === name)) ?? ROLES,
  );
  const kafka = kafkaSettings(env);
  const callers = apiKeySettings(env, variables['API_KEYS_FILE']);
  const { otpKeys, contactKeys } = keySettings(env, production);
  const config = {
    production,
    http: httpSettings(env, callers.apiKeys === undefined),
    roles,
    ...callers,
    database,
    shutdown: shutdownSettings(env, production),
    kafka,
    ...codeSettings(env),
    documentDefault: documentDefault(env, production),
    phone: phoneSettings(env),
    sms: smsSettings(env, production),
    email: emailSettings(env, production),
    limits: limitSettings(env),
    retention: retentionSettings(env),
    logLevel: env.choice('LOG_LEVEL', ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info'),
    failpoints: failpoints(env, production),
  } as const;
  if (production) requireForProduction(env);
  checkRoles(env, config);
  checkDirectUrl(env, database);
  checkRetention(env, config);
  if (env.faults.length > 0) throw new ConfigError(env.faults);
  return {
    ...config,
    otpKeys: otpKeys ?? namedKeys(localKey(database.dataDir, 'otp-key')),
    contactKeys: contactKeys ?? namedKeys(localKey(database.dataDir, 'contact-key')),
    warnings: warnings(env, config),
  };
}

/**
 * Reads only who may call; none where nothing is set.
 * @throws ConfigError naming every fault at once
 */
export function readApiKeys(
  variables: Readonly<Record<string, string | undefined>> = process.env,
): readonly ApiKey[] | undefined {
  const env = new Environment(variables);
  const { apiKeys } = apiKeySettings(env, variables['API_KEYS_FILE']);
  if (env.faults.length > 0) throw new ConfigError(env.faults);
  return apiKeys;
}

/**
 * Reads only what a command on the database needs, so that the migration job wants no other secret.
 * @throws ConfigError naming every fault at once
 */
export function readDatabaseSettings(
  variables: Readonly<Record<string, string | undefined>> = process.env,
): DatabaseSettings {
  const env = new Environment(variables);
  const settings = databaseSettings(env, isProduction(env));
  if (env.faults.length > 0) throw new ConfigError(env.faults);
  return settings;
}

/** What the command on limits needs. */
export type LimitsCommandSettings = Pick<Config, 'database' | 'contactKeys' | 'limits'>;

/**
 * Reads only what the command on limits needs.
 * @throws ConfigError naming every fault at once
 */
export function readLimitsCommandSettings(
  variables: Readonly<Record<string, string | undefined>> = process.env,
): LimitsCommandSettings {
  const env = new Environment(variables);
  const production = isProduction(env);
  const database = databaseSettings(env, production);
  const contactKeys = keyRing(env, 'CONTACT_KEYS');
  // A key made here would look for numbers under names that the service has never used.
  if (!contactKeys && production && env.faults.length === 0) env.fault('CONTACT_KEYS', 'must be those of the service');
  const limits = limitSettings(env);
  if (env.faults.length > 0) throw new ConfigError(env.faults);
  return { database, limits, contactKeys: contactKeys ?? namedKeys(localKey(database.dataDir, 'contact-key')) };
}

/**
 * Reads only what a command on Kafka needs.
 * @throws ConfigError naming every fault at once
 */
export function readKafkaSettings(
  variables: Readonly<Record<string, string | undefined>> = process.env,
): KafkaSettings {
  const env = new Environment(variables);
  const settings = kafkaSettings(env);
  if (!settings && env.faults.length === 0) {
    env.fault('KAFKA_BROKERS', 'must name the brokers; without Kafka look at the outbox instead');
  }
  if (!settings || env.faults.length > 0) throw new ConfigError(env.faults);
  return settings;
}

/** What the command that tries a provider out needs. */
export type SmsCommandSettings = Pick<Config, 'phone' | 'sms' | 'otp' | 'message' | 'testPhones'> & {
  readonly http: Pick<Config['http'], 'publicUrl'>;
};

/**
 * Reads only what the command needs that tries a provider out.
 * @throws ConfigError naming every fault at once
 */
export function readSmsCommandSettings(
  variables: Readonly<Record<string, string | undefined>> = process.env,
): SmsCommandSettings {
  const env = new Environment(variables);
  const http = { publicUrl: publicUrl(env) };
  const settings = { http, ...codeSettings(env), phone: phoneSettings(env), sms: smsSettings(env, isProduction(env)) };
  if (env.faults.length > 0) throw new ConfigError(env.faults);
  return settings;
}

/** The codes, and what depends on how long one is and lives. */
function codeSettings(env: Environment): Pick<Config, 'otp' | 'message' | 'testPhones'> {
  const otp = otpSettings(env);
  return { otp, message: messageSettings(env, otp), testPhones: testPhones(env, otp.length) };
}

/** A production that is misspelt would run with everything that production refuses. */
function isProduction(env: Environment): boolean {
  const name = env.text('NODE_ENV', 'development');
  if (/^prod/i.test(name) && name !== 'production') env.fault('NODE_ENV', 'must be production, in these letters');
  return name === 'production';
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

/** Alone it would migrate and lead in one database while everything else is kept in the embedded one. */
function checkDirectUrl(env: Environment, { url, directUrl }: DatabaseSettings): void {
  const alreadyNamed = env.faults.some((fault) => fault.startsWith('DATABASE_URL'));
  if (directUrl && !url && !alreadyNamed) env.fault('DATABASE_DIRECT_URL', 'needs DATABASE_URL beside it');
}

/** What a limit still counts must be there: a number that has been purged could be flooded anew. */
function checkRetention(env: Environment, { retention, limits }: Pick<Config, 'retention' | 'limits'>): void {
  const longest = longestLimit(limits);
  for (const [name, kept] of [
    ['RETENTION_CONTACT', retention.contact],
    ['RETENTION_DELIVERY', retention.delivery],
  ] as const) {
    if (kept < longest)
      env.fault(name, `must not be shorter than the longest window of LIMIT_, ${longest / 1000} seconds`);
  }
}

const PREFIXES = [
  ...['OTP_', 'SMS_', 'KAFKA_', 'DATABASE_', 'LIMIT_', 'GUARD_', 'RETENTION_'],
  ...['TWILIO_', 'SMPP_', 'SMTP_', 'EMAIL_', 'TEXTS_', 'TEST_PHONES'],
];

function warnings(env: Environment, { testPhones }: Pick<Config, 'testPhones'>): string[] {
  const unknown = env.unread(PREFIXES).map((name) => `${name} is not a setting of this service: a typing error?`);
  if (testPhones.size === 0) return unknown;
  return [
    ...unknown,
    `TEST_PHONES: numbers that get no text, count for no limit and have a fixed code: ${testPhones.size}`,
  ];
}
