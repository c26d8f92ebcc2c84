import { graphileWorker } from './graphile-worker.js';
import { kafkajs } from './kafkajs.js';
import type { Peer, PeerDrain, PeerSettings } from './peer.js';
import { pgBoss } from './pg-boss.js';
import { pgTransactionalOutbox } from './pg-transactional-outbox.js';

const PEERS: Readonly<Record<string, (settings: PeerSettings) => Promise<Peer>>> = {
  'graphile-worker in batches': (settings) =>
    graphileWorker(settings, {
      // As its documentation measures itself.
      concurrentJobs: 24,
      maxPoolSize: 25,
      localQueue: { size: 500 },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    }),
  'graphile-worker': (settings) => graphileWorker(settings, {}),
  'pg-boss': pgBoss,
  'pg-transactional-outbox': pgTransactionalOutbox,
  kafkajs,
};

const settings = JSON.parse(process.argv[2] ?? '') as PeerSettings;
const peer = await PEERS[settings.peer]?.(settings);
if (!peer) throw new Error(`there is no peer ${settings.peer}`);

process.on('message', (rows: number) => void drain(peer, rows).then((result) => process.send?.(result)));
// Whoever started it is gone.
process.on('disconnect', () => process.exit());
process.send?.('ready');

/** Answers twice: when the backlog is there, and when it is gone. */
async function drain(peer: Peer, rows: number): Promise<Omit<PeerDrain, 'postgresCpu'>> {
  await peer.fill(rows);
  process.send?.('filled');
  const before = process.cpuUsage();
  const began = performance.now();
  const done = await peer.drained();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  if (done !== rows) throw new Error(`void: ${settings.peer} has done ${done} of ${rows} jobs`);
  return { perSecond: rows / seconds, serverCpu: (user + system) / rows };
}
