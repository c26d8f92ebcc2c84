import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { EmbeddedPostgres } from '../../src/database/embedded-postgres.js';
import { kafkaAvailability, type KafkaBroker, startKafkaBroker } from './kafka-broker.js';

/** The database that every spec file clones. */
const TEMPLATE = 'agreement_template';

const running: { dataDir?: string; postgres?: EmbeddedPostgres; kafka?: KafkaBroker } = {};

/** One build, one PostgreSQL with the migrated template, one Kafka for the whole run. */
export async function start(): Promise<void> {
  execFileSync('npm', ['run', 'build', '--silent'], { stdio: ['ignore', 'ignore', 'inherit'] });
  running.dataDir = await mkdtemp(join(tmpdir(), 'agreement-test-'));
  const [postgres] = await Promise.all([startPostgres(running.dataDir), startKafka()]);
  running.postgres = postgres;
}

export async function stop(): Promise<void> {
  await Promise.all([running.postgres?.stop(), running.kafka?.stop()]);
  if (running.dataDir) await rm(running.dataDir, { recursive: true, force: true });
}

async function startPostgres(dataDir: string): Promise<EmbeddedPostgres> {
  const built = new URL('../../dist/database/embedded-postgres.js', import.meta.url).href;
  const { startEmbeddedPostgres } = (await import(built)) as typeof import('../../src/database/embedded-postgres.js');
  const settings = { max_connections: '300', shared_preload_libraries: 'pg_stat_statements' };
  const postgres = await startEmbeddedPostgres({
    dataDir,
    durable: false,
    log: console.error,
    database: TEMPLATE,
    settings,
  });
  const template = new URL(postgres.adminUrl);
  template.pathname = `/${TEMPLATE}`;
  const env = { ...process.env, NODE_ENV: 'test', DATABASE_URL: template.href };
  execFileSync('npm', ['run', 'migration:run', '--silent'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const admin = new pg.Client(postgres.adminUrl);
  await admin.connect();
  await admin.query('CREATE EXTENSION pg_stat_statements');
  await admin.query(`ALTER DATABASE ${TEMPLATE} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`);
  await admin.end();
  process.env['TEST_DATABASE_ADMIN_URL'] = postgres.adminUrl;
  process.env['TEST_DATABASE_TEMPLATE'] = TEMPLATE;
  return postgres;
}

async function startKafka(): Promise<void> {
  if (process.env['KAFKA_TESTS'] === 'off') {
    process.env['TEST_KAFKA_MISSING'] = 'switched off by KAFKA_TESTS=off';
    return;
  }
  const availability = kafkaAvailability();
  if ('missing' in availability) {
    process.env['TEST_KAFKA_MISSING'] = availability.missing;
    return;
  }
  running.kafka = await startKafkaBroker();
  process.env['TEST_KAFKA_BROKERS'] = running.kafka.brokers.join(',');
}
