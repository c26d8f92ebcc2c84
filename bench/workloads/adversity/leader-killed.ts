import { setTimeout as delay } from 'node:timers/promises';
import type { BenchKafka } from '../../kafka.js';
import type { Server } from '../../processes.js';
import type { Bench } from '../../workload.js';
import type { Relay } from '../drain/relay.js';
import { createWhile } from './creating.js';
import { begin, mustHavePublished, untilAllPublished, watchSilence } from './published.js';

export const KILLS = 3;
/** Seconds of creates before a kill, and behind it: longer than any leader is waited for. */
const BEFORE = 2;
const BEHIND = 8;

/** How it went, for each leader that was killed. */
export interface LeaderKilled {
  /** The longest time without anything published, in seconds. */
  readonly silent: readonly number[];
  readonly repeats: readonly number[];
}

/** Kills the relay that leads under creates while a second one stands by, a few times. */
export async function whereLeaderIsKilled(
  bench: Bench,
  relay: Relay,
  kafka: BenchKafka,
  connections: number,
): Promise<LeaderKilled> {
  const [silent, repeats]: [number[], number[]] = [[], []];
  let leader = relay.server;
  for (let killed = 0; killed < KILLS; killed += 1) {
    const next = await relay.another();
    bench.tell(`relay ${killed + 1} is killed`);
    await begin(relay, kafka);
    let over = false;
    const watch = async (): Promise<number> => {
      try {
        return await silenceAround(leader, kafka, relay.topic, bench.signal);
      } finally {
        over = true;
      }
    };
    const creating = createWhile(bench, relay.api, connections, () => !over);
    const [created, silence] = await Promise.all([creating, watch()]);
    await untilAllPublished(relay, bench.signal);
    silent.push(silence);
    repeats.push(await mustHavePublished(relay, kafka, created.acknowledged));
    leader = next;
  }
  return { silent, repeats };
}

async function silenceAround({ pid }: Server, kafka: BenchKafka, topic: string, signal: AbortSignal): Promise<number> {
  await delay(BEFORE * 1000, undefined, { signal });
  const stop = watchSilence(kafka, topic);
  process.kill(pid, 'SIGKILL');
  await delay(BEHIND * 1000, undefined, { signal });
  return stop();
}
