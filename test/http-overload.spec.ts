import { beforeAll, describe, expect, it } from '@jest/globals';
import type { OpenLoopOrder, OpenLoopResult } from '../bench/open-loop.js';
import { useDatabase } from './support/database.js';
import { freePorts } from './support/kafka/server-properties.js';
import { scrape } from './support/metrics.js';
import { offer } from './support/open-loop.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { until } from './support/until.js';

describe('more requests than a process can take', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let service: ServiceProcess;
  let metrics: number;
  let offered = 0;

  beforeAll(async () => {
    [metrics = 0] = await freePorts();
    const env = testEnvironment(database, { METRICS_PORT: String(metrics), ROLES: 'api' });
    service = await processes.start(env);
    await service.ready();
  });

  async function load(order: Pick<OpenLoopOrder, 'perSecond' | 'seconds' | 'connections'>): Promise<OpenLoopResult> {
    const first = offered;
    offered += Math.ceil(order.perSecond * order.seconds);
    return offer({ url: `${service.url}/v1/agreement`, key: null, first, warm: order.connections, ...order });
  }

  const stored = async (): Promise<number> => {
    const [row] = await database.query<{ rows: number }>('SELECT count(*)::int AS rows FROM agreement');
    return row?.rows ?? 0;
  };

  const count = ({ statuses }: OpenLoopResult, status: number): number => statuses[status]?.count ?? 0;

  it('are told so at once; the others are served in time, and nothing is half done', async () => {
    // With few connections it is a closed loop, which tells what the process can do here and now.
    await load({ perSecond: 4_000, seconds: 1, connections: 64 });
    const calm = await load({ perSecond: 4_000, seconds: 1, connections: 64 });
    expect(Object.keys(calm.statuses)).toEqual(['201']);
    const capacity = calm.statuses[201]?.perSecond ?? 0;
    let acknowledged = await stored();
    let refused = 0;
    let p99 = Infinity;
    // Who shares the machine may stand in the way of one storm, and not of three.
    for (let storms = 0; storms < 3 && p99 >= 1_000; storms += 1) {
      const storm = await load({ perSecond: Math.ceil(2 * capacity), seconds: 3, connections: 1_500 });
      expect(storm.answers).toBe(storm.requests);
      expect(Object.keys(storm.statuses).sort()).toEqual(['201', '503']);
      expect(storm.retryAfter).toBe(count(storm, 503));
      acknowledged += count(storm, 201);
      refused += count(storm, 503);
      p99 = storm.statuses[201]?.p99 ?? Infinity;
      expect(await stored()).toBe(acknowledged);
    }
    expect(p99).toBeLessThan(1_000);

    expect((await scrape(metrics)).value('agreement_http_refused_total')).toBe(refused);
    // Lines come a few at a time, and 1 500 callers share the processor with who reads them.
    const said = await until('all are in the log', () => {
      const lines = service.log.filter(({ status, method }) => status === 503 && method === 'POST');
      return lines.length >= refused ? lines : undefined;
    });
    expect(said).toHaveLength(refused);
    expect(said[0]).toMatchObject({ request_id: expect.any(String), route: '/v1/agreement', problem: 'unavailable' });

    // Not half of what it can do, the moment after.
    const after = await load({ perSecond: Math.ceil(capacity / 4), seconds: 0.5, connections: 64 });
    expect(Object.keys(after.statuses)).toEqual(['201']);
  });

  it('are those too that come while PostgreSQL stands still: most are told at once, and a probe is answered', async () => {
    await database.query('BEGIN');
    await database.query('LOCK TABLE agreement');
    const before = service.log.length;
    const loading = load({ perSecond: 600, seconds: 2, connections: 1_500 });
    expect((await service.api.get('/health/live')).status).toBe(200);
    const { statuses } = await loading;
    await database.query('COMMIT');
    expect(Object.keys(statuses)).toEqual(['503']);
    // By its own clock: what waited for the lock took 1.5 s.
    const took = service.log.slice(before).filter(({ status }) => status === 503);
    expect(took.filter(({ ms }) => Number(ms) < 500).length).toBeGreaterThan(took.length / 2);
    expect((await service.api.create()).status).toBe(201);
  });

  it('get the same document as any other refusal', async () => {
    await database.query('BEGIN');
    await database.query('LOCK TABLE agreement');
    const loading = load({ perSecond: 600, seconds: 2, connections: 1_500 });
    const ask = (headers: Record<string, string>) =>
      fetch(`${service.url}/v1/agreement`, { method: 'POST', headers, body: 'not even looked at' });
    const headers = { 'x-request-id': 'mine-1', 'accept-language': 'en' };
    await until('it refuses', async () => (await ask(headers)).status === 503);
    const plain = await ask(headers);
    const browsers = await ask({ ...headers, origin: 'https://form.example' });
    const documents = await Promise.all([plain.json(), browsers.json()]);
    await loading;
    await database.query('COMMIT');
    expect([plain.status, browsers.status]).toEqual([503, 503]);
    expect(documents[0]).toMatchObject({ code: 'unavailable', instance: '/v1/agreement', retry_after: 2 });
    expect(documents[1]).toEqual(documents[0]);
    const told = (response: Response) => [...response.headers].filter(([name]) => name !== 'date').sort();
    expect(told(plain)).toEqual(told(browsers));
    expect(plain.headers.get('x-request-id')).toBe('mine-1');
  });
});
