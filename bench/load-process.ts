import autocannon from 'autocannon';
import pg from 'pg';
import type { LoadOrder, LoadResult, PingOrder, PingResult } from './load.js';
import { requestBody } from './requests.js';
import { percentile } from './statistics.js';

/** How often autocannon looks whether all answers are there; its own rates are counted by this and not used. */
const LOOK_EVERY = 20;
const TIMEOUT_SECONDS = 30;

let requestsMade = 0;

async function load({ url, key, connections, amount }: LoadOrder): Promise<LoadResult> {
  const latencies: number[] = [];
  let answers = 0;
  const statuses: Record<string, number> = {};
  let begun = 0;
  let ended = 0;
  const run = autocannon({
    url,
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    connections,
    amount,
    timeout: TIMEOUT_SECONDS,
    sampleInt: LOOK_EVERY,
    setupClient: (client) => client.setRequests(nextRequests(Math.ceil(amount / connections))),
  });
  run.on('response', (_client, status, _bytes, milliseconds) => {
    answers += 1;
    statuses[status] = (statuses[status] ?? 0) + 1;
    ended = performance.now();
    // The first answer of each connection also waited for the connection.
    if (answers === connections) begun = ended;
    else if (answers > connections) latencies.push(milliseconds);
  });
  await run;
  latencies.sort((a, b) => a - b);
  return {
    requests: amount,
    acknowledged: statuses['201'] ?? 0,
    statuses,
    perSecond: (latencies.length / (ended - begun)) * 1000,
    p50: percentile(latencies, 50),
    p99: percentile(latencies, 99),
  };
}

/** Each request of a round is somebody else's, as in life, so that no limit on a phone number is met. */
function nextRequests(count: number): { body: string }[] {
  return Array.from({ length: count }, () => ({ body: requestBody(requestsMade++) }));
}

async function ping({ databaseUrl, milliseconds }: PingOrder): Promise<PingResult> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  const began = performance.now();
  let answers = 0;
  while (performance.now() - began < milliseconds) {
    await client.query({ name: 'ping', text: 'SELECT 1' });
    answers += 1;
  }
  const took = performance.now() - began;
  await client.end();
  return { perSecond: (answers / took) * 1000 };
}

process.on('message', (order: LoadOrder | PingOrder) => {
  void (order.kind === 'load' ? load(order) : ping(order)).then((result) => process.send?.(result));
});
