import autocannon, { type Client } from 'autocannon';
import type { LoadResult } from './load.js';
import { percentile } from './statistics.js';

/** How often autocannon looks whether all answers are there; its own rates are counted by this and not used. */
const LOOK_EVERY = 20;
const TIMEOUT_SECONDS = 30;

/** What is asked of one server. */
export interface ClosedLoop {
  readonly url: string;
  /** Sent as a bearer token; null for none. */
  readonly key: string | null;
  readonly connections: number;
  /** Requests in all, shared out evenly. */
  readonly amount: number;
  /** Gives each connection what it sends, one after the other. */
  readonly setupClient: (client: Client) => void;
}

/** Runs it to the end: each connection sends its next request when the answer to the last one is there. */
export async function closedLoop({ url, key, connections, amount, setupClient }: ClosedLoop): Promise<LoadResult> {
  const latencies: number[] = [];
  let answers = 0;
  const statuses: Record<string, number> = {};
  let begun = 0;
  let ended = 0;
  const run = autocannon({
    ...{ url, method: 'POST', connections, amount, setupClient },
    headers: { ...(key === null ? {} : { authorization: `Bearer ${key}` }), 'content-type': 'application/json' },
    timeout: TIMEOUT_SECONDS,
    sampleInt: LOOK_EVERY,
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
