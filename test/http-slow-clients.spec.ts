import { beforeAll, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { freePorts } from './support/kafka/server-properties.js';
import { startService, type TestService } from './support/service.js';
import { deafClient, slowClient, type SlowEnding } from './support/slow-client.js';

const POST = 'POST /v1/agreement HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const HEADERS_WITHIN = 5_000;
const REQUEST_WITHIN = 10_000;
/** The service looks once a second; the rest is for a machine that is busy. */
const LATE = 3_000;
const OF_EACH_KIND = 75;

/** How each kind begins, what it does then, and how long it may. */
const KINDS = {
  'says nothing at all': ['', 'nothing', HEADERS_WITHIN],
  'sends its headers byte by byte': [
    'GET /v1/agreement HTTP/1.1\r\nHost: localhost\r\nX-Long: ',
    'more',
    HEADERS_WITHIN,
  ],
  'sends its body byte by byte': [`${POST}Content-Length: 1000\r\n\r\n{"id_hash": "`, 'more', REQUEST_WITHIN],
  'begins a chunk and stops': [`${POST}Transfer-Encoding: chunked\r\n\r\n3e8\r\n{"id`, 'nothing', REQUEST_WITHIN],
} as const;
type Kind = keyof typeof KINDS;

describe('slow clients', () => {
  const database = useDatabase();
  let service: TestService;
  let metrics: string;
  const endings = new Map<Kind, Promise<SlowEnding[]>>();
  let ofMetrics: Promise<SlowEnding>[];
  let deaf: Promise<number>;

  beforeAll(async () => {
    const [port] = await freePorts();
    service = await startService(database, { METRICS_PORT: String(port) });
    metrics = `http://127.0.0.1:${port}`;
    for (const [kind, [beginning, rest]] of Object.entries(KINDS)) {
      const clients = Array.from({ length: OF_EACH_KIND }, () => slowClient(service.url, beginning, rest));
      endings.set(kind as Kind, Promise.all(clients));
    }
    const { 'says nothing at all': silent, 'sends its headers byte by byte': headers } = KINDS;
    ofMetrics = [silent, headers].map(([beginning, rest]) => slowClient(metrics, beginning, rest));
    deaf = deafClient(service.url, 'GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n');
  });

  it(`keep nobody else waiting: ${4 * OF_EACH_KIND} of them, while others are answered at once`, async () => {
    const times: number[] = [];
    for (let n = 0; n < 200; n += 1) {
      const since = performance.now();
      const { status } = await (n % 2 ? service.api.create() : service.api.get('/v1/agreement?limit=1'));
      expect([200, 201]).toContain(status);
      times.push(performance.now() - since);
    }
    const p99 = times.sort((a, b) => a - b)[197];
    expect(p99).toBeLessThan(1_000);
    expect((await fetch(`${metrics}/metrics`)).status).toBe(200);
  });

  it.each(Object.entries(KINDS))('one that %s is told so in time, and let go', async (kind, [, , limit]) => {
    for (const { answer, after } of (await endings.get(kind as Kind)) ?? []) {
      expect(answer).toMatchObject({
        status: 408,
        body: { code: 'malformed_request', status: 408, reason: 'timeout' },
      });
      expect(answer.headers.get('connection')).toBe('close');
      expect(answer.text.match(/HTTP\/1/g)).toHaveLength(1);
      expect(after).toBeGreaterThan(limit - 100);
      expect(after).toBeLessThan(limit + LATE);
    }
  });

  it('one of the metrics likewise', async () => {
    for (const { answer, after } of await Promise.all(ofMetrics)) {
      expect(answer).toMatchObject({ status: 408, body: { reason: 'timeout' } });
      expect(after).toBeLessThan(HEADERS_WITHIN + LATE);
    }
  });

  it('one that never reads its answers is cut off', async () => {
    expect(await deaf).toBeLessThan(15_000 + LATE);
  });

  it('leave nothing behind: no agreement, and no defect in the log', async () => {
    await Promise.all([...endings.values()]);
    const [row] = await database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM agreement WHERE id_hash <> 'somebody'`,
    );
    expect(row?.n).toBe(0);
    expect(service.log.filter((line) => line.includes('internal error'))).toEqual([]);
    const unreadable = service.log.filter((line) => line.includes('"unreadable request"'));
    expect(unreadable).toHaveLength(4 * OF_EACH_KIND + ofMetrics.length);
  });
});
