import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { type TestDatabase, useDatabase } from './support/database.js';
import { describeWithKafka, testKafkaBrokers } from './support/kafka.js';
import { useProcesses } from './support/process.js';
import type { ServiceProcess } from './support/service-process.js';
import { until } from './support/until.js';

/** Milliseconds by the database's clock, in which there is nothing to do. */
const STRETCH = 10_000;
const KILOBYTES = 1_024;

const secret = (): string => `lean:${randomBytes(32).toString('base64')}`;
const settings = {
  ...{ NODE_ENV: 'production', PHONE_COUNTRIES: 'RU', OTP_KEYS: secret(), CONTACT_KEYS: secret(), LOG_LEVEL: 'warn' },
  ...{ API_KEYS: `shop:${createHash('sha256').update('key').digest('hex')}`, DATA_DIR: join(tmpdir(), 'none') },
  ...{
    SMS_PROVIDERS: 'http',
    SMS_HTTP_URL: 'https://sms.invalid/send',
    SMS_HTTP_TOKEN: randomBytes(16).toString('hex'),
  },
};

const ROLES = ['api', 'relay', 'worker'] as const;

/** How many statements there were in a database so far, and when. */
interface Look {
  readonly now: number;
  readonly statements: number;
}

describeWithKafka('in production a process that has nothing to do', () => {
  const databases = ROLES.map((role) => ({ role, database: useDatabase() }));
  const processes = useProcesses(databases[0]?.database);
  const besides = new pg.Client(process.env['TEST_DATABASE_ADMIN_URL']);
  const running = new Map<string, ServiceProcess>();

  /** Not by the commits in pg_stat_database: a session tells of its statements that read no table only when it ends. */
  async function look({ url }: TestDatabase): Promise<Look> {
    const { rows } = await besides.query<Look>(
      `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now, coalesce(sum(calls), 0)::int AS statements
       FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = $1`,
      [new URL(url).pathname.slice(1)],
    );
    return rows[0] ?? { now: 0, statements: 0 };
  }

  /** The fewest in one of several stretches: what begins once a minute may fall into one, and not into all. */
  async function fewest(database: TestDatabase): Promise<number> {
    let first = await look(database);
    const { count } = await until(
      'a stretch with few queries',
      async () => {
        const last = await look(database);
        if (last.now - first.now < STRETCH) return undefined;
        const count = last.statements - first.statements;
        first = last;
        return count <= STRETCH / 1_000 ? { count } : undefined;
      },
      45_000,
    );
    return count;
  }

  beforeAll(async () => {
    await besides.connect();
    const start = async ({ role, database }: (typeof databases)[number]): Promise<void> => {
      const kafka = { KAFKA_BROKERS: testKafkaBrokers().join(','), KAFKA_TOPIC: `lean-${role}` };
      const where = { DATABASE_URL: database.url, MIGRATE: 'false', ROLES: role };
      running.set(role, await (await processes.start({ ...settings, ...kafka, ...where })).ready());
    };
    await Promise.all(databases.map(start));
  });

  afterAll(() => besides.end());

  // 58 to 62 MB; the program of Node beside it, mapped from its file, is the system's affair (58 MB here).
  it.each(ROLES)('has less than 75 MB of its own in the role %s', async (role) => {
    const status = await readFile(`/proc/${running.get(role)?.pid}/status`, 'utf8');
    expect(Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) / KILOBYTES).toBeLessThan(75);
  });

  it('asks at most ten queries in ten seconds, in whatever role', async () => {
    const counts = await Promise.all(databases.map(({ database }) => fewest(database)));
    expect(Math.max(...counts)).toBeLessThanOrEqual(10);
  }, 60_000);
});
