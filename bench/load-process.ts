import { randomUUID } from 'node:crypto';
import type { Client } from 'autocannon';
import pg from 'pg';
import { closedLoop } from './closed-loop.js';
import type { ListsOrder, LoadOrder, LoadResult, PingOrder, PingResult } from './load.js';
import { loadLists } from './load-lists.js';
import { requestBody } from './requests.js';

let requestsMade = 0;

function load({ url, key, connections, amount, keyed = false }: LoadOrder): Promise<LoadResult> {
  const each = Math.ceil(amount / connections);
  const setupClient = (client: Client): void => client.setRequests(nextRequests(each, keyed));
  return closedLoop({ url, key, connections, amount, setupClient });
}

/** Each request of a round is somebody else's, as in life, so that no limit on a phone number is met. */
function nextRequests(count: number, keyed: boolean): { body: string; headers?: Record<string, string> }[] {
  return Array.from({ length: count }, () => {
    const body = requestBody(requestsMade++);
    return keyed ? { body, headers: { 'idempotency-key': randomUUID() } } : { body };
  });
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

function carryOut(order: LoadOrder | ListsOrder | PingOrder): Promise<LoadResult | PingResult> {
  switch (order.kind) {
    case 'load':
      return load(order);
    case 'lists':
      return loadLists(order);
    case 'ping':
      return ping(order);
  }
}

process.on('message', (order: LoadOrder | ListsOrder | PingOrder) => {
  void carryOut(order).then((result) => process.send?.(result));
});
