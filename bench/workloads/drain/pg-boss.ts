import pg from 'pg';
import { PgBoss } from 'pg-boss';
import type { Peer, PeerSettings } from './peer.js';

const QUEUE = 'event';
const BATCH = 1_000;

/**
 * It fetches jobs in batches and completes them in batches, one after the other, as fast as it can: its own workers pause
 * for 2 s between two batches by default. Completed jobs stay in its table. All else by default.
 */
export async function pgBoss({ databaseUrl, template }: PeerSettings): Promise<Peer> {
  const boss = new PgBoss({ connectionString: databaseUrl, schedule: false, supervise: false });
  boss.on('error', (error: Error) => {
    throw error;
  });
  await boss.start();
  await boss.createQueue(QUEUE);
  const client = new pg.Client(databaseUrl);
  await client.connect();
  const job = { data: template.payload };
  return {
    fill: async (rows) => {
      await client.query('TRUNCATE pgboss.job');
      await client.query('CHECKPOINT');
      for (let left = rows; left > 0; left -= BATCH) {
        await boss.insert(QUEUE, new Array<typeof job>(Math.min(BATCH, left)).fill(job));
      }
      await client.query('ANALYZE pgboss.job');
    },
    drained: async () => {
      for (let done = 0; ;) {
        const jobs = await boss.fetch(QUEUE, { batchSize: BATCH });
        if (jobs.length === 0) return done;
        const ids = jobs.map(({ id }) => id);
        await boss.complete(QUEUE, ids);
        done += ids.length;
      }
    },
  };
}
