import { setTimeout as delay } from 'node:timers/promises';
import type { BenchKafka } from '../../kafka.js';
import { pin } from '../../machine.js';
import { countRows } from '../../postgres.js';
import type { Bench } from '../../workload.js';
import type { Relay } from '../drain/relay.js';
import { type Created, createWhile, forSeconds } from './creating.js';
import { begin, mustHavePublished, untilAllPublished } from './published.js';

export const AWAY_SECONDS = 30;
export const CONNECTIONS = 8;
const BEFORE_SECONDS = 12;

/** How creates went before and while no broker was there. */
export interface BrokerAway {
  readonly before: Created;
  readonly away: Created;
  /** Events that waited as the broker was back. */
  readonly backlog: number;
  /** From then until nothing was left. */
  readonly drainedAfter: number;
  readonly repeats: number;
}

/** Kills the broker under creates, starts it again half a minute later, and waits until everything is published. */
export async function whileBrokerIsAway(bench: Bench, relay: Relay, kafka: BenchKafka): Promise<BrokerAway> {
  await begin(relay, kafka);
  const before = await createWhile(bench, relay.api, CONNECTIONS, forSeconds(BEFORE_SECONDS));
  bench.tell(`the broker is away for ${AWAY_SECONDS} s`);
  let back = false;
  const breakIt = async (): Promise<void> => {
    try {
      // The first creates are under way.
      await delay(100);
      await kafka.kill();
      await delay(AWAY_SECONDS * 1000, undefined, { signal: bench.signal });
    } finally {
      back = true;
    }
  };
  const [away] = await Promise.all([createWhile(bench, relay.api, CONNECTIONS, () => !back), breakIt()]);
  const { outbox: backlog = NaN } = await countRows(relay.databaseUrl, ['outbox']);
  await kafka.restart();
  const { cores } = bench;
  if (cores && kafka.pid !== undefined) await pin(kafka.pid, cores.others);
  const began = performance.now();
  await untilAllPublished(relay, bench.signal);
  const drainedAfter = (performance.now() - began) / 1000;
  const repeats = await mustHavePublished(relay, kafka, before.acknowledged + away.acknowledged);
  return { before, away, backlog, drainedAfter, repeats };
}
