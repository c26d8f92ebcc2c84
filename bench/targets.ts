import { spreadOf } from './statistics.js';
import type { Comparison } from './workload.js';

/** What a comparison must reach (`gate`, or the run fails) and where it is meant to go (`stretch`). */
export type Target = Pick<Comparison, 'name' | 'better' | 'unit' | 'gate' | 'stretch'>;

const more = (name: string, gate: number | null, stretch: number | null, unit: Target['unit'] = '×'): Target => {
  return { name, better: 'higher', unit, gate, stretch };
};
const less = (name: string, gate: number | null, stretch: number | null, unit: Target['unit'] = '×'): Target => {
  return { name, better: 'lower', unit, gate, stretch };
};

/** Everything that the bench asks of the service. */
export const TARGETS = {
  createToTextbook: more('create ÷ textbook', 5, 9),
  createToFloor: more('create ÷ floor', 0.95, 1.8),
  createToBatchedFloor: more('create ÷ floor-batched', 0.8, 0.9),
  createLatencyToFloor: less('latency of a create alone ÷ floor', 2, 1.5),
  createLostToWakeUp: less('creates lost to waking the relay', 5, 2, '%'),
  confirmToFloor: more('confirm ÷ floor of load and versioned UPDATE', 0.8, 1.3),
  drainToGraphile: more('relay to a real broker ÷ graphile-worker in batches that do nothing', 0.6, 0.75),
  createToProvider: less('create → provider called, p99 at half load', 50, 25, 'ms'),
  drainUnderSnapshot: more('drain under a held snapshot ÷ drain', 0.9, 0.98),
  createWithManyRows: more('create with 10⁷ agreements ÷ with none', 0.85, 0.95),
  createToBetterAuth: more('create ÷ better-auth', null, 10),
  verifyToBetterAuth: more('confirm ÷ better-auth verify', null, 15),
  slowProvider: more('sends to a provider that answers in 1 s', 500, 1_000, 'per second'),
  goodputUnderOverload: more('accepted ÷ capacity at twice the load', 0.5, 0.8),
  latencyUnderOverload: less('p99 of what is accepted at twice the load', 1_000, 500, 'ms'),
  createBesideSlowProvider: more('creates beside a slow provider ÷ beside a fast one', 0.9, 0.98),
  startToReady: less('start → ready', 2, null, 's'),
  idleMemory: less('resident memory when idle', 120, null, 'MB'),
  idleStatements: less('statements when idle', 1, null, 'per second'),
  lostEvents: less('lost events', 0, 0, ''),
} satisfies Record<string, Target>;

/** A target beside what was measured. @param values one for each round, in any order */
export function compared(target: Target, values: readonly number[], at?: string): Comparison {
  return { ...target, ...(at === undefined ? {} : { at }), ...spreadOf(values) };
}

/** How a comparison turned out. */
export type Verdict = 'stretch reached' | 'holds' | 'broken' | 'below the stretch' | 'not judged';

/** Judged by the median; null where nothing is asked. */
export function verdictOf({ gate, stretch, better, median }: Comparison, noisy: boolean): Verdict | null {
  if (gate === null && stretch === null) return null;
  // What was read from JSON has null for a number that there was none of.
  if (noisy || !Number.isFinite(median)) return 'not judged';
  const reaches = (target: number | null): boolean =>
    target !== null && (better === 'higher' ? median >= target : median <= target);
  if (reaches(stretch)) return 'stretch reached';
  if (gate === null) return 'below the stretch';
  return reaches(gate) ? 'holds' : 'broken';
}

/** Whether a run that compares like this has failed: a gate is broken, or nobody can say. */
export function fails(comparison: Comparison, noisy: boolean): boolean {
  const verdict = verdictOf(comparison, noisy);
  return comparison.gate !== null && (verdict === 'broken' || verdict === 'not judged');
}
