import type { Socket } from 'node:net';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { freePorts } from './support/kafka/server-properties.js';
import { useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { open, whenClosed } from './support/slow-client.js';
import { until } from './support/until.js';

const MOST_CONNECTIONS = 2_000;

describe('more connections than a process takes', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  const held: Socket[] = [];
  let url: string;
  let metrics: string;

  beforeAll(async () => {
    database.onEnd(async () => held.forEach((connection) => void connection.destroy()));
    const [port] = await freePorts();
    metrics = `http://127.0.0.1:${port}`;
    ({ url } = await (await processes.start(testEnvironment(database, { METRICS_PORT: String(port) }))).ready());
  });

  /** A connection that has been served, and stays; undefined where it was dropped instead. */
  async function take(): Promise<Socket | undefined> {
    const socket = await open(url);
    return (await ask(socket)) ? socket : undefined;
  }

  it('are dropped as they come; those that are there are served, and probes and metrics on their port', async () => {
    await until('all places are taken', async () => {
      const more = await Promise.all(Array.from({ length: 100 }, take));
      held.push(...more.filter((socket) => socket !== undefined));
      return more.includes(undefined);
    });
    expect(held.length).toBeGreaterThan(MOST_CONNECTIONS - 5);
    expect(held.length).toBeLessThanOrEqual(MOST_CONNECTIONS);
    expect(await take()).toBeUndefined();
    expect(await Promise.all(held.map(ask))).not.toContain(false);
    for (const path of ['/metrics', '/health/live', '/health/ready']) {
      expect((await fetch(metrics + path)).status).toBe(200);
    }
  });

  it('are taken again as soon as there is a place', async () => {
    held.pop()?.destroy();
    held.push(await until('a place', take));
  });
});

/** Whether it answers. */
async function ask(socket: Socket): Promise<boolean> {
  if (socket.destroyed) return false;
  const answer = new Promise((resolve) => socket.once('data', resolve));
  socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
  return String(await Promise.race([answer, whenClosed(socket)])).startsWith('HTTP/1.1 200');
}
