import type { Socket } from 'node:net';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { freePorts } from './support/kafka/server-properties.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { open, whenClosed } from './support/slow-client.js';
import { until } from './support/until.js';

const MOST_CONNECTIONS = 2_000;
const REQUEST = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n';

describe('more connections than a process takes', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  const held = new Set<Socket>();
  let service: ServiceProcess;
  let url: string;
  let metrics: string;

  beforeAll(async () => {
    database.onEnd(async () => held.forEach((connection) => void connection.destroy()));
    const [port] = await freePorts();
    metrics = `http://127.0.0.1:${port}`;
    service = await processes.start(testEnvironment(database, { METRICS_PORT: String(port) }));
    ({ url } = await service.ready());
  });

  /** A connection that has been served, and stays; undefined where it was dropped instead. */
  async function take(): Promise<Socket | undefined> {
    const socket = await open(url);
    return (await answers(socket, REQUEST)) ? socket : undefined;
  }

  it('takes the places of those that wait for a next request, and of no other', async () => {
    const [beginning, rest] = [REQUEST.slice(0, 30), REQUEST.slice(30)];
    while (held.size < MOST_CONNECTIONS - 10) {
      const idle = await Promise.all(Array.from({ length: 199 }, take));
      idle.forEach((socket) => socket && held.add(socket));
      expect(idle).not.toContain(undefined);
    }
    const closed = [...held].map(whenClosed);
    const busy = await Promise.all(Array.from({ length: 5 }, () => open(url)));
    busy.forEach((socket) => held.add(socket.on('close', () => held.delete(socket))));
    busy.forEach((socket) => socket.write(beginning));

    const more = await Promise.all(Array.from({ length: 20 }, take));
    more.forEach((socket) => socket && held.add(socket));
    expect(more).toContain(undefined);
    await Promise.all(closed);
    held.add(await until('a place', take));
    expect(await Promise.all(busy.map((socket) => answers(socket, rest)))).not.toContain(false);
    for (const path of ['/metrics', '/health/live', '/health/ready']) {
      expect((await fetch(metrics + path)).status).toBe(200);
    }
  });

  it('is said once a minute at most', () => {
    const said = service.log.filter(({ msg }) => String(msg).startsWith('all connections are taken'));
    expect(said).toMatchObject([{ level: 'warn', most: MOST_CONNECTIONS }]);
  });
});

/** Whether what is written is answered. */
async function answers(socket: Socket, text: string): Promise<boolean> {
  if (socket.destroyed) return false;
  const answer = new Promise((resolve) => socket.once('data', resolve));
  socket.write(text);
  return String(await Promise.race([answer, whenClosed(socket)])).startsWith('HTTP/1.1 200');
}
