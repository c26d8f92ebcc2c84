import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/database/embedded-postgres.js';
import { freshPhone } from './support/api.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { killIfThere, postgresIn } from './support/process-list.js';
import { memoryOf, socketsTo } from './support/process-state.js';
import { testEnvironment } from './support/service.js';
import { SteadyLoad } from './support/steady-load.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { until } from './support/until.js';

const POOL = 6;
const RECOVERED_WITHIN = 10_000;

describe('a PostgreSQL that is restarted', () => {
  const processes = useProcesses();
  let folder: string;
  let postgres: EmbeddedPostgres;
  let proxy: TcpProxy;
  let service: ServiceProcess;
  let load: SteadyLoad;

  beforeAll(async () => {
    folder = await processes.folder();
    postgres = await start();
    const { proxy: between, url } = await TcpProxy.before(postgres.url);
    proxy = between;
    await proxy.open();
    const settings = { MIGRATE: 'true', DATABASE_POOL_SIZE: String(POOL) };
    service = await processes.start(testEnvironment({ url }, settings));
    await service.ready();
  }, 60_000);
  afterAll(async () => {
    await service.kill();
    await proxy.cut();
    await postgres.stop();
  });

  const start = () => startEmbeddedPostgres({ dataDir: folder, durable: false, log: () => undefined });

  /** Work goes on within 10 s, the whole walk of it, and what was answered meanwhile was 201, or 503 in time. */
  async function worksAgain(): Promise<void> {
    const before = load.count(201);
    await until('agreements are taken again', () => load.count(201) > before + 20, RECOVERED_WITHIN);
    const answers = await load.stop();
    for (const { status, body, took } of answers) {
      expect({ status, code: body['code'] }).toEqual(
        status === 201 ? { status, code: undefined } : { status: 503, code: 'unavailable' },
      );
      expect(took).toBeLessThan(2_000);
    }
    const phone = freshPhone();
    const { body } = await service.api.create({ phone });
    const code = await service.api.codeSentTo(phone);
    expect(await service.api.confirm(body['reference'], code)).toMatchObject({ status: 200 });
    expect(service.isRunning).toBe(true);
    expect(service.output).not.toMatch(/unhandled|uncaught|"level":60/i);
  }

  async function underLoad(): Promise<void> {
    load = new SteadyLoad(service.api, 4);
    await until('work goes on', () => load.count(201) > 20);
  }

  async function asAdmin<R extends object>(text: string): Promise<R[]> {
    const url = new URL(postgres.adminUrl);
    url.pathname = '/agreement';
    const client = new pg.Client(url.href);
    await client.connect();
    const { rows } = await client.query<R>(text).finally(() => client.end());
    return rows;
  }

  it('in the middle of work is back in use within ten seconds', async () => {
    await underLoad();
    await postgres.stop();
    await until('callers were told', () => load.count(503) > 20);
    expect(await service.api.get('/health/ready')).toMatchObject({ status: 503, body: { waiting_for: ['database'] } });
    postgres = await start();
    proxy.leadTo(Number(new URL(postgres.url).port));
    await worksAgain();
  });

  it('by a crash of one of its processes is back in use within ten seconds', async () => {
    await underLoad();
    const [backend] = await asAdmin<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'agreement-service' LIMIT 1`,
    );
    killIfThere(backend?.pid ?? 0);
    await worksAgain();
  });

  it('or stopped by SIGSTOP gives 503 in time, and is back in use within ten seconds of SIGCONT', async () => {
    await underLoad();
    const all = postgresIn(folder);
    for (const pid of all) process.kill(pid, 'SIGSTOP');
    await until('callers were told', () => load.count(503) > 12);
    for (const pid of all) process.kill(pid, 'SIGCONT');
    await worksAgain();
  });

  it('and whose sessions are all terminated ten times leaves connections and memory as they were', async () => {
    const sockets = () => socketsTo(proxy.port, service.pid);
    await underLoad();
    const [before, memory] = [await sockets(), await memoryOf(service.pid)];
    for (let round = 0; round < 10; round += 1) {
      const taken = load.count(201);
      await asAdmin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
        AND application_name LIKE 'agreement-service%'`);
      await until('agreements are taken again', () => load.count(201) > taken + 20, RECOVERED_WITHIN);
    }
    await worksAgain();
    expect(await sockets()).toBeLessThanOrEqual(Math.max(before, POOL + 1));
    const [{ n } = { n: 0 }] = await asAdmin<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE 'agreement-service%'`,
    );
    expect(n).toBeLessThanOrEqual(POOL + 1);
    expect(await memoryOf(service.pid)).toBeLessThan(memory + 100);
  });
});
