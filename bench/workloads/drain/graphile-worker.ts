import { type Logger as GraphileLogger, Logger, run } from 'graphile-worker';
import pg from 'pg';
import type { Peer, PeerSettings } from './peer.js';
import { untilNone } from './waiting.js';

/** One job for each event, with its payload, all in one commit: the statement that its own `addJobs` runs. */
const FILL = `
  SELECT count(*) FROM graphile_worker.add_jobs(ARRAY(
    SELECT ('event', $1::json, NULL, NULL, NULL, NULL, NULL, NULL)::graphile_worker.job_spec FROM generate_series(1, $2::int)
  ))`;

const SILENT: GraphileLogger = new Logger(() => () => undefined);

/**
 * It locks jobs, hands each to a task, and deletes it. Its task does nothing, and it logs nothing.
 * @param options where they are not its defaults (one job at a time, a pool of 10, a look every 2 s, no batches)
 */
export async function graphileWorker(
  { databaseUrl, template }: PeerSettings,
  options: GraphileConfig.WorkerOptions,
): Promise<Peer> {
  let done = 0;
  const event = (): void => void (done += 1);
  const worker = { ...options, connectionString: databaseUrl, logger: SILENT };
  await run({ preset: { worker }, taskList: { event }, noHandleSignals: true });
  const client = new pg.Client(databaseUrl);
  await client.connect();
  return {
    fill: async (rows) => {
      await client.query('TRUNCATE graphile_worker._private_jobs');
      await client.query('CHECKPOINT');
      done = 0;
      await client.query('BEGIN');
      await client.query(FILL, [JSON.stringify(template.payload), rows]);
      // Autovacuum is off here; with plans made for an empty table it reads all of it for each batch.
      await client.query('ANALYZE graphile_worker._private_jobs');
      await client.query('COMMIT');
    },
    drained: async () => {
      await untilNone(client, 'SELECT 1 FROM graphile_worker._private_jobs ORDER BY id DESC LIMIT 1');
      return done;
    },
  };
}
