import pg from 'pg';
import { DatabaseSetup, getDisabledLogger, initializePollingMessageListener } from 'pg-transactional-outbox';
import type { Peer, PeerSettings } from './peer.js';
import { untilNone } from './waiting.js';

const PLACE = {
  outboxOrInbox: 'outbox',
  database: 'unused',
  schema: 'public',
  table: 'outbox',
  listenerRole: 'postgres',
  nextMessagesName: 'next_outbox_messages',
} as const;

/** Each event is of an aggregate of its own and so a segment of its own: they need not wait for each other. */
const FILL = `
  INSERT INTO outbox (id, aggregate_type, aggregate_id, message_type, segment, payload)
  SELECT gen_random_uuid(), 'agreement', n, $1, n, $2 FROM generate_series(1, $3::int) AS n`;

/**
 * Its polling listener (the other one needs `wal_level = logical`, which the service does without): 5 messages at a time,
 * each handled in a transaction of its own, and a look every 500 ms where there is nothing. Its handler does nothing.
 * All by default.
 */
export async function pgTransactionalOutbox({ databaseUrl, template }: PeerSettings): Promise<Peer> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  await client.query(DatabaseSetup.dropAndCreateTable(PLACE));
  await client.query(DatabaseSetup.createPollingFunction(PLACE));
  await client.query(DatabaseSetup.setupPollingIndexes(PLACE));
  let done = 0;
  const handle = async (): Promise<void> => void (done += 1);
  initializePollingMessageListener(
    {
      outboxOrInbox: 'outbox',
      dbListenerConfig: { connectionString: databaseUrl },
      settings: {
        dbSchema: PLACE.schema,
        dbTable: PLACE.table,
        nextMessagesFunctionName: PLACE.nextMessagesName,
        enableMaxAttemptsProtection: true,
        enablePoisonousMessageProtection: true,
      },
    },
    { handle },
    getDisabledLogger(),
  );
  return {
    fill: async (rows) => {
      await client.query('TRUNCATE outbox');
      await client.query('CHECKPOINT');
      done = 0;
      await client.query('BEGIN');
      await client.query(FILL, [template.type, JSON.stringify(template.payload), rows]);
      await client.query('ANALYZE outbox');
      await client.query('COMMIT');
    },
    drained: async () => {
      await untilNone(client, 'SELECT 1 FROM outbox WHERE processed_at IS NULL LIMIT 1');
      return done;
    },
  };
}
