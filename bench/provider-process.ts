import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { Arrivals } from './provider.js';

/** An SMS provider that takes everything, says so after a while, and notes when each text came. */

const wait = Number(process.argv[2]);
let arrivals: { to: string[]; at: number[] } = { to: [], at: [] };

const server = createServer((request, response) => {
  const at = Number(process.hrtime.bigint()) / 1e6;
  void json(request).then((body) => {
    const { id, to } = body as { id: string; to: string };
    arrivals.to.push(to);
    arrivals.at.push(at);
    const answer = (): void =>
      void response.writeHead(202, { 'content-type': 'application/json' }).end(`{"message_id":"${id}"}`);
    if (wait === 0) answer();
    else setTimeout(answer, wait);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', 4_096);
await once(server, 'listening');

process.on('message', (order: 'count' | 'take') => {
  if (order === 'count') {
    process.send?.(arrivals.to.length);
    return;
  }
  const taken: Arrivals = arrivals;
  arrivals = { to: [], at: [] };
  process.send?.(taken);
});
process.send?.((server.address() as AddressInfo).port);
