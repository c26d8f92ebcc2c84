import type { Admin, Kafka } from 'kafkajs';
import type { Logger } from 'pino';
import { describeError, isOutage } from './kafka-errors.js';
import { backoff, pause } from './waiting.js';

/**
 * Bounds the workers that can share the load. More can be added later, but then a key changes its partition, and its order
 * is not kept across that moment.
 */
const PARTITIONS = 6;
/** The broker's default. */
const REPLICAS = -1;
const TRY_AGAIN = { initial: 250, max: 2_000 };

/**
 * Makes the topics that are missing, where the broker allows it; where it does not, says so once in the log and leaves it
 * to the operator. Waits for a broker that is away, so do not make the start of the service wait for it.
 * @param signal ends the waiting
 */
export async function ensureTopics(
  kafka: Kafka,
  names: readonly string[],
  log: Logger,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      return await makeMissing(kafka, names, log);
    } catch (error) {
      if (!isOutage(error)) return leaveToOperator(names, error, log);
      log.debug({ error: describeError(error), attempt }, 'Kafka cannot be asked for its topics yet');
    }
    await pause(backoff(attempt, TRY_AGAIN), signal);
  }
}

async function makeMissing(kafka: Kafka, names: readonly string[], log: Logger): Promise<void> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    const present = new Set(await admin.listTopics());
    const missing = names.filter((name) => !present.has(name));
    for (const topic of missing) await make(admin, topic, log);
  } finally {
    await admin.disconnect();
  }
}

async function make(admin: Admin, topic: string, log: Logger): Promise<void> {
  try {
    const made = await admin.createTopics({
      topics: [{ topic, numPartitions: PARTITIONS, replicationFactor: REPLICAS }],
      waitForLeaders: true,
    });
    if (made) log.info({ topic, partitions: PARTITIONS }, 'The topic has been made');
  } catch (error) {
    if (isOutage(error)) throw error;
    leaveToOperator([topic], error, log);
  }
}

function leaveToOperator(topics: readonly string[], error: unknown, log: Logger): void {
  log.warn(
    { error: describeError(error), topics },
    'The topics could not be looked up or made: make them yourself, or allow this client to describe and create topics',
  );
}
