/** The answers of a broker that blame the record, whoever sends it and whenever. */
const RECORD_REFUSED = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD']);

/** What kafkajs calls not retriable although it comes and goes with the broker. */
const OUTAGE = new Set([
  'KafkaJSGroupCoordinatorNotFound',
  'KafkaJSTimeout',
  'KafkaJSLockTimeout',
  'BROKER_NOT_AVAILABLE',
]);

/** Kafka cannot be used now; for whoever does not wait. */
export class KafkaUnavailable extends Error {}

/** kafkajs wraps an error once per layer; a longer chain is a loop. */
const DEEPEST_CAUSE = 10;

/**
 * Whether Kafka refuses what was sent because of a record in it (too large, invalid), so that sending it again cannot
 * help. False for everybody's trouble, which passes: an outage, a missing topic, a missing permission. The refusal of a
 * batch may be one record's, or the batch as a whole was too large: send its records alone to know.
 */
export function isRecordRefused(error: unknown): boolean {
  return causes(error).some(({ type }) => type !== undefined && RECORD_REFUSED.has(type));
}

/** Whether waiting may help: the broker is away, moving or not ready yet, or the topic is not there yet. */
export function isOutage(error: unknown): boolean {
  return causes(error).some(
    ({ name = '', type = '', retriable }) => retriable === true || OUTAGE.has(name) || OUTAGE.has(type),
  );
}

/** One line for the log: name and message, without the fields of a driver's error, which may hold values. */
export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

interface KafkaError {
  readonly name?: string;
  /** The protocol's name of a broker's answer. */
  readonly type?: string;
  readonly retriable?: boolean;
}

/** The error, what caused it, what caused that …; of an aggregate all its parts. */
function causes(error: unknown, depth = 0): KafkaError[] {
  if (!(error instanceof Object) || depth > DEEPEST_CAUSE) return [];
  const { cause, errors } = error as { cause?: unknown; errors?: unknown };
  const parts: unknown[] = Array.isArray(errors) ? errors : [];
  return [error, ...[cause, ...parts].flatMap((inner) => causes(inner, depth + 1))];
}
