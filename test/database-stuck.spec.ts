import { beforeAll, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { SteadyLoad } from './support/steady-load.js';
import { until } from './support/until.js';

const POOL = 5;
/** Longer than a statement may take, so that every connection has given up at least one. */
const STUCK_FOR = 7_000;

describe('a PostgreSQL whose statements wait for a lock', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let service: ServiceProcess;
  beforeAll(async () => {
    const env = { DATABASE_POOL_SIZE: String(POOL) };
    service = await (await processes.start(testEnvironment(database, env))).ready();
  });

  it('is asked by no more sessions than the pool has, is given up in time, and works on when the lock is gone', async () => {
    const load = new SteadyLoad(service.api, 2 * POOL);
    await until('work goes on', () => load.count(201) > 20);
    await database.query('BEGIN');
    await database.query('LOCK TABLE agreement');
    const since = performance.now();
    let most = 0;
    await until(
      'it is stuck for long',
      async () => {
        most = Math.max(most, await database.waiting());
        return performance.now() - since > STUCK_FOR;
      },
      2 * STUCK_FOR,
    );
    await database.query('COMMIT');
    const before = load.count(201);
    await until('work goes on again', () => load.count(201) > before + 20, 5_000);

    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(POOL);
    for (const { status, took } of await load.stop()) {
      expect([201, 503]).toContain(status);
      // By the caller's clock, whose turn on a busy machine may come late.
      expect(took).toBeLessThan(3_000);
    }
    for (const { ms } of service.log.filter(({ msg }) => msg === 'request')) expect(Number(ms)).toBeLessThan(2_000);
    expect(service.log.filter(({ level }) => Number(level) >= 60)).toEqual([]);
    const interrupted = service.log.filter(({ reason }) => String(reason).includes('query failed'));
    for (const { reason } of interrupted) expect(reason).toMatch(/query failed: \w/);
  });
});
