import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { freePorts } from './support/kafka/server-properties.js';
import { scrape } from './support/metrics.js';
import { useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { until } from './support/until.js';

describe('the metrics of a process', () => {
  const database = useDatabase();
  const processes = useProcesses(database);

  it('are there while it still waits for PostgreSQL', async () => {
    const [port, nobody] = await freePorts();
    const url = new URL(database.url);
    url.port = String(nobody);
    const env = { DATABASE_URL: url.href, METRICS_PORT: String(port), LOG_LEVEL: 'silent' };
    const service = await (await processes.start(testEnvironment(database, env))).listens();
    const waiting = await scrape(port);
    expect(waiting.value('agreement_ready')).toBe(0);
    expect(waiting.value('agreement_database_up')).toBe(0);
    expect(waiting.value('agreement_outbox_waiting_rows')).toBeUndefined();
    await service.stop();
  });

  it('say that it is stopping, until everything else is closed', async () => {
    const [port] = await freePorts();
    const env = { METRICS_PORT: String(port), SHUTDOWN_DELAY: '4' };
    const service = await (await processes.start(testEnvironment(database, env))).ready();
    await until('ready', async () => (await scrape(port)).value('agreement_ready') === 1);
    service.signal('SIGTERM');
    await until('not ready, and still there', async () => (await scrape(port)).value('agreement_ready') === 0, 3_900);
    expect(await service.end()).toEqual({ code: 0, signal: null });
    await expect(scrape(port)).rejects.toThrow();
  });

  it('are not there where no port is given for them', async () => {
    const service = await (await processes.start(testEnvironment(database))).ready();
    expect((await service.api.get('/metrics')).status).toBe(404);
    await service.stop();
  });

  it('refuse the start where their port is taken, and say which setting that is', async () => {
    const other = createServer().unref().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const service = await processes.start(testEnvironment(database, { METRICS_PORT: String(port) }));
    expect(await service.end()).toEqual({ code: 1, signal: null });
    expect(service.stderr).toBe(
      `The service cannot go on: port ${port} of 127.0.0.1 is taken: stop what listens there, or set METRICS_PORT\n`,
    );
    other.close();
  });

  it('do not take the blame where it is the port of the API that is taken', async () => {
    const other = createServer().unref().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const [metrics] = await freePorts();
    const env = { PORT: String(port), METRICS_PORT: String(metrics) };
    const service = await processes.start(testEnvironment(database, env));
    expect((await service.end()).code).toBe(1);
    expect(service.stderr).toContain(`port ${port} of 127.0.0.1 is taken: stop what listens there, or set PORT\n`);
    other.close();
  });
});
