import { setTimeout as delay } from 'node:timers/promises';
import type { BenchKafka } from '../../kafka.js';
import { clear, countRows } from '../../postgres.js';
import type { Relay } from '../drain/relay.js';

/** Milliseconds between two looks at the ends of the topic. */
const LOOK_EVERY = 10;
/** And at the outbox, which may be long. */
const LOOK_AT_OUTBOX_EVERY = 50;
/** No backlog takes longer. */
const EMPTY_WITHIN = 90_000;
const LEFT = 'SELECT 1 AS row FROM outbox LIMIT 1';

/** Neither rows nor messages are left of what was before. */
export async function begin({ databaseUrl, arm, topic }: Relay, kafka: BenchKafka): Promise<void> {
  await clear(databaseUrl, arm.tables);
  await kafka.empty(topic);
}

/** Waits until nothing is left to publish. @throws where that takes longer than 90 s */
export async function untilAllPublished({ client }: Relay, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + EMPTY_WITHIN;
  while ((await client.query(LEFT)).rowCount !== 0) {
    signal.throwIfAborted();
    if (performance.now() > deadline) throw new Error('void: after 90 s there are still events to publish');
    await delay(LOOK_AT_OUTBOX_EVERY);
  }
}

/**
 * Compares what was acknowledged, what is stored and what the whole topic holds; the outbox must be empty.
 * @returns how many messages repeat one that was there already
 * @throws where one is missing anywhere, or was never asked for
 */
export async function mustHavePublished(relay: Relay, kafka: BenchKafka, acknowledged: number): Promise<number> {
  const { databaseUrl, client, arm, topic } = relay;
  const counts = await countRows(databaseUrl, arm.tables);
  const stored = Object.entries(counts).every(([table, rows]) => rows === (table === 'outbox' ? 0 : acknowledged));
  if (!stored) throw new Error(`void: acknowledged ${acknowledged}, stored ${JSON.stringify(counts)}`);
  const { rows } = await client.query<{ reference: string }>('SELECT reference FROM agreement');
  const missing = new Set(rows.map(({ reference }) => reference));
  const ids = new Set<string>();
  let messages = 0;
  for await (const { key, headers } of kafka.read(topic)) {
    messages += 1;
    const id = String(headers['ce_id']);
    if (ids.has(id)) continue;
    ids.add(id);
    // An agreement that was only created has one event.
    if (!missing.delete(key?.toString() ?? '')) throw new Error(`void: event ${id} was never raised`);
  }
  if (missing.size > 0) throw new Error(`void: of ${acknowledged} events ${missing.size} were lost`);
  return messages - ids.size;
}

/** Watches a topic that is published to all the time. @returns what ends it; that gives the longest silence, in seconds */
export function watchSilence(kafka: BenchKafka, topic: string): () => Promise<number> {
  let ended = false;
  let longest = 0;
  const watching = (async () => {
    let count = await kafka.count(topic);
    let heardAt = performance.now();
    while (!ended) {
      await delay(LOOK_EVERY);
      const now = await kafka.count(topic);
      longest = Math.max(longest, performance.now() - heardAt);
      if (now !== count) heardAt = performance.now();
      count = now;
    }
  })();
  // Whoever ends it is told; until then nobody waits for it.
  watching.catch(() => undefined);
  return async () => {
    ended = true;
    await watching;
    return longest / 1000;
  };
}
