import { type LogEntry, logLevel } from 'kafkajs';
import type { Logger } from 'pino';

/** During an outage kafkajs complains several times a second about the same thing. */
const REPEAT_AFTER = 60_000;
/** Different complaints kept in mind; beyond it all are forgotten, which costs a few repeated lines. */
const REMEMBERED = 200;
/** The fields of kafkajs' entries that say where and why; the others are stacks, payloads and client internals. */
const FIELDS = ['broker', 'groupId', 'topic', 'partition', 'offset', 'error', 'retryCount'] as const;

/**
 * Hands the entries of kafkajs to the service's log, its errors as `info` and the rest lower: it calls every answer of a
 * broker an error, also those of an ordinary rebalance. What an operator should know is told by the classes here. A
 * repeated error or warning comes at most once a minute, with the number of those left out.
 */
export function kafkaLog(log: Logger): (entry: LogEntry) => void {
  const said = new Map<string, { until: number; repeated: number }>();
  return ({ namespace, level, log: content }) => {
    const details = { from: `kafkajs ${namespace}`, ...fields(content) };
    if (level === logLevel.INFO) return log.debug(details, content.message);
    if (level === logLevel.DEBUG) return log.trace(details, content.message);
    const key = `${namespace} ${content.message}`;
    const before = said.get(key);
    if (before && before.until > Date.now()) {
      before.repeated++;
      return;
    }
    if (said.size >= REMEMBERED) said.clear();
    said.set(key, { until: Date.now() + REPEAT_AFTER, repeated: 0 });
    const counted = before?.repeated ? { ...details, repeated: before.repeated } : details;
    if (level === logLevel.ERROR) log.info(counted, content.message);
    else log.debug(counted, content.message);
  };
}

function fields(content: LogEntry['log']): Record<string, string | number> {
  const found: Record<string, string | number> = {};
  for (const name of FIELDS) {
    const value: unknown = content[name];
    if (typeof value === 'string' || typeof value === 'number') found[name] = value;
    else if (value instanceof Error) found[name] = value.message;
  }
  return found;
}
