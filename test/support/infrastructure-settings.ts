import { resolve } from 'node:path';
import type { Config } from '../../src/config.js';
import { count, duration, flag, type Setting, setting, words } from './setting.js';

const HASH = 'ab'.repeat(32);
const BROKERS = { KAFKA_BROKERS: 'kafka:9092' };
const LOGIN = { ...BROKERS, KAFKA_SASL_USERNAME: 'me', KAFKA_SASL_PASSWORD: 'secret' };
const SASL = { ...LOGIN, KAFKA_SASL_MECHANISM: 'plain' };
const DATABASE = { DATABASE_URL: 'postgresql://db/agreement' };
const API_KEY = { client: 'shop', digest: Buffer.from(HASH, 'hex') };
const NOT_URLS = ['nothing', 'ftp://example.com', '//example.com', 'example.com'];
const KAFKA = (config: Config): NonNullable<Config['kafka']> => config.kafka ?? raise('no Kafka');

/** The settings of the process and of what it is connected to. */
export const INFRASTRUCTURE: readonly Setting[] = [
  setting('NODE_ENV', (c) => c.production, false, [['test', false]]),
  setting('HOST', (c) => c.http.host, '127.0.0.1', [['::1', '::1']], ['0.0.0.0']),
  count('PORT', (c) => c.http.port, 3000, 0, 65535),
  { ...count('METRICS_PORT', (c) => c.http.metricsPort, 0, 1, 65535), fallback: undefined },
  setting(
    'FAILPOINTS',
    (c) => c.failpoints,
    [],
    [
      [
        'relay.read=kill, sender.answered=stop@3',
        [
          { name: 'relay.read', signal: 'SIGKILL', pass: 1 },
          { name: 'sender.answered', signal: 'SIGSTOP', pass: 3 },
        ],
      ],
    ],
    ['relay.read', 'relay.reads=kill', 'relay.read=exit', 'relay.read=kill@0'],
  ),
  setting('ROLES', (c) => [...c.roles], ['api', 'relay', 'worker'], [['api', ['api']]], ['API', 'api,', 'all'], {
    ...DATABASE,
  }),
  setting('ALLOW_ANONYMOUS', (c) => c.http.host, '127.0.0.1', [['true', '127.0.0.1']], ['maybe']),
  setting(
    'CORS_ORIGINS',
    (c) => c.http.corsOrigins,
    [],
    [['https://a.example, http://localhost:8080', ['https://a.example', 'http://localhost:8080']]],
    ['*', 'a.example', 'https://a.example/', 'https://a.example/path', 'null'],
  ),
  setting(
    'TRUSTED_PROXIES',
    (c) => c.http.trustedProxies,
    [],
    [['10.0.0.0/8, 127.0.0.1, fd00::/8', ['10.0.0.0/8', '127.0.0.1', 'fd00::/8']]],
    ['10.0.0.0/33', 'fd00::/129', '10.0.0/8', 'proxy', '10.0.0.0/8/8', '10.0.0.0/', '*', '10.0.0.0/8,'],
  ),
  setting(
    'PUBLIC_URL',
    (c) => c.http.publicUrl,
    undefined,
    [['https://a.example', 'https://a.example']],
    [
      ...NOT_URLS,
      ...['https://a.example/?a=b', 'https://a.example/?', 'https://a.example/#a', 'https://me:secret@a.example'],
    ],
  ),
  setting(
    'API_KEYS',
    (c) => c.apiKeys,
    undefined,
    [
      [`shop:${HASH}`, [{ ...API_KEY, scopes: new Set(['create', 'confirm', 'read']) }]],
      [`shop:${HASH.toUpperCase()}:read+admin`, [{ ...API_KEY, scopes: new Set(['read', 'admin']) }]],
      [
        `shop:${HASH}:read,shop:${HASH}:operator`,
        ['read', 'operator'].map((s) => ({ ...API_KEY, scopes: new Set([s]) })),
      ],
    ],
    [
      'shop',
      `shop:${HASH}0`,
      `:${HASH}`,
      `sh op:${HASH}`,
      `shop:${HASH}:write`,
      `shop:${HASH}:`,
      `shop:${HASH}:read:x`,
    ],
  ),
  setting(
    'DATABASE_URL',
    (c) => c.database.url?.reveal(),
    undefined,
    [['postgres://u:p@db/a', 'postgres://u:p@db/a']],
    [...NOT_URLS, 'mysql://db/a'],
  ),
  setting(
    'DATABASE_DIRECT_URL',
    (c) => c.database.directUrl?.reveal(),
    'postgresql://db/agreement',
    [['postgresql://direct/a', 'postgresql://direct/a']],
    NOT_URLS,
    DATABASE,
  ),
  count('DATABASE_POOL_SIZE', (c) => c.database.poolSize, 10, 1, 1000),
  setting(
    'DATABASE_SSL',
    (c) => c.database.ssl,
    'off',
    ['off', 'require', 'verify-full'].map((ssl) => [ssl, ssl] as const),
    ['on', 'true', 'REQUIRE', 'verify-ca'],
  ),
  words('DATABASE_SSL_CA', (c) => c.database.sslCa, undefined),
  setting('DATA_DIR', (c) => c.database.dataDir, resolve('.data'), [
    ['elsewhere', resolve('elsewhere')],
    ['/a/b', '/a/b'],
  ]),
  flag('MIGRATE', (c) => c.database.migrate, true),
  duration('SHUTDOWN_DELAY', (c) => c.shutdown.delay, 0, 0, 600),
  duration('SHUTDOWN_TIMEOUT', (c) => c.shutdown.timeout, 25, 1, 3600),
  setting(
    'KAFKA_BROKERS',
    (c) => c.kafka?.brokers,
    undefined,
    [['a:9092, b.example:9093,127.0.0.1:9094', ['a:9092', 'b.example:9093', '127.0.0.1:9094']]],
    ['a', 'a:', ':9092', 'a:9092,', 'a:b', 'kafka://a:9092', 'a :9092', '[::1]:9092'],
  ),
  words('KAFKA_TOPIC', (c) => KAFKA(c).topic, 'clients.agreement', BROKERS),
  words('KAFKA_DLQ_TOPIC', (c) => KAFKA(c).dlqTopic, 'clients.agreement.dlq', BROKERS),
  words('KAFKA_GROUP_ID', (c) => KAFKA(c).groupId, 'agreement-service', BROKERS),
  words('KAFKA_CLIENT_ID', (c) => KAFKA(c).clientId, 'agreement-service', BROKERS),
  flag('KAFKA_SSL', (c) => KAFKA(c).ssl !== false, false, BROKERS),
  words('KAFKA_SSL_CA', (c) => (KAFKA(c).ssl || raise('no TLS')).ca, undefined, { ...BROKERS, KAFKA_SSL: 'true' }),
  setting(
    'KAFKA_SASL_MECHANISM',
    (c) => KAFKA(c).sasl?.mechanism,
    undefined,
    ['plain', 'scram-sha-256', 'scram-sha-512'].map((mechanism) => [mechanism, mechanism] as const),
    ['PLAIN', 'oauthbearer'],
    LOGIN,
  ),
  words('KAFKA_SASL_USERNAME', (c) => KAFKA(c).sasl?.username, 'me', SASL),
  words('KAFKA_SASL_PASSWORD', (c) => KAFKA(c).sasl?.password.reveal(), 'secret', SASL),
  setting(
    'LOG_LEVEL',
    (c) => c.logLevel,
    'info',
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((level) => [level, level] as const),
    ['INFO', 'verbose'],
  ),
];

function raise(message: string): never {
  throw new Error(message);
}
