import { Environment } from './environment.js';
import { localKey } from './local-keys.js';
import { type Config, type DatabaseSettings, ROLES } from './settings.js';
import {
  apiKey,
  databaseSettings,
  documentDefault,
  httpSettings,
  kafkaSettings,
  keyRing,
  messageSettings,
  namedKeys,
  otpSettings,
  phoneSettings,
  smsSettings,
} from './settings.readers.js';

export * from './settings.js';

/** The environment does not make sense; `message` names every fault, a line each, and holds no value. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(`The configuration is not usable:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  }
}

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
  const roles = new Set(
    env.list('ROLES', `a list of ${ROLES.join(', ')}`, (name) => ROLES.find((r) => r === name)) ?? ROLES,
  );
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
