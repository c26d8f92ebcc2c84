import { KEY } from '../../arms.js';
import type { Server } from '../../processes.js';
import type { Bench } from '../../workload.js';

/** Seconds, roughly, after which it is asked whether to go on. */
const PORTION = 2;
const FIRST = 200;

/** What became of creates that went on for a while. */
export interface Created {
  readonly acknowledged: number;
  /** Of each portion of some two seconds. */
  readonly perSecond: readonly number[];
  /** Milliseconds, of each portion. */
  readonly p99: readonly number[];
}

/**
 * A closed loop of creates, in portions, until it is told to end.
 * @throws where one was not acknowledged
 */
export async function createWhile(
  { generator, signal }: Bench,
  { url }: Server,
  connections: number,
  goOn: () => boolean,
): Promise<Created> {
  const [perSecond, p99]: [number[], number[]] = [[], []];
  let acknowledged = 0;
  let amount = FIRST;
  while (goOn()) {
    signal.throwIfAborted();
    const result = await generator.load({ url: `${url}/v1/agreement`, key: KEY, connections, amount });
    if (result.acknowledged !== amount)
      throw new Error(`void: of ${amount} creates, answered ${JSON.stringify(result.statuses)}`);
    acknowledged += amount;
    // Too short to say anything.
    if (amount > FIRST) {
      perSecond.push(result.perSecond);
      p99.push(result.p99);
    }
    amount = Math.max(FIRST + 1, Math.ceil(result.perSecond * PORTION));
  }
  return { acknowledged, perSecond, p99 };
}

/** For so many seconds. */
export function forSeconds(seconds: number): () => boolean {
  const end = performance.now() + seconds * 1000;
  return () => performance.now() < end;
}
