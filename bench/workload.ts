import type { Canaries } from './canaries.js';
import type { LoadGenerator } from './load.js';
import type { Cores } from './machine.js';
import type { BenchPostgres } from './postgres.js';
import type { Spread } from './statistics.js';

/** What a workload is given: started once, used by all of them. */
export interface Bench {
  readonly postgres: BenchPostgres;
  readonly generator: LoadGenerator;
  /** Where processes are pinned; none leaves them to the scheduler. */
  readonly cores: Cores | undefined;
  /** What tells whether the machine is as fast now as a moment ago; `measureRounds` asks it. */
  readonly canaries: Canaries;
  /** As little as tells the main ratios. */
  readonly quick: boolean;
  /** What of the command line is for one workload alone. */
  readonly asked: Asked;
  /** No round is begun after this moment of `performance.now()`. */
  readonly deadline: number;
  /** Aborted where somebody wants the run to end. */
  readonly signal: AbortSignal;
  /** One line for whoever waits. */
  readonly tell: (text: string) => void;
}

/** How `create` is measured where it is not to be measured as usual. */
export interface Asked {
  readonly rounds?: number;
  /** Of load, for each arm in each round. */
  readonly seconds?: number;
  readonly connections?: readonly number[];
  readonly arms?: readonly string[];
  /** At most so many agreements are there already, in `growth`. */
  readonly rows?: number;
  /** The service as built in other folders. */
  readonly builds: readonly { readonly name: string; readonly folder: string }[];
}

/** One thing that is measured, of one or several arms. */
export interface Workload {
  /** As it is asked for on the command line. */
  readonly name: string;
  readonly title: string;
  /** Whether `quick` has it. */
  readonly quick: boolean;
  /**
   * Starts its arms, measures them in turn, and ends them, also after a failure.
   * @throws where what was acknowledged is not what was stored or delivered: then nothing of the run is worth anything
   */
  run(bench: Bench): Promise<Result>;
}

/** One number of one arm. */
export interface Figure extends Spread {
  readonly arm: string;
  /** What it is: `creates per second`, `p99`. */
  readonly name: string;
  readonly unit: 'per second' | 'ms' | 's' | 'µs' | 'MB' | 'bytes' | 'rows' | '';
  /** Under which circumstances, where there are several: `32 connections`, `10⁶ rows`. */
  readonly at?: string;
}

/** One figure beside its target, mostly a ratio of two arms in the same round. */
export interface Comparison extends Spread {
  readonly name: string;
  readonly at?: string;
  readonly better: 'higher' | 'lower';
  readonly unit: '×' | 'ms' | 's' | 'MB' | '%' | 'per second' | '';
  /** What a run must reach, or it fails; null where it is there to be looked at. */
  readonly gate: number | null;
  /** Where it is meant to go. */
  readonly stretch: number | null;
}

/** A picture of figures: bars by arm, or lines over what `at` says. */
export interface Chart {
  /** The file, without its ending. */
  readonly file: string;
  readonly title: string;
  readonly kind: 'bars' | 'lines';
  /** Of the one axis of values. */
  readonly unit: string;
  readonly logarithmic?: boolean;
  /** Names below the bars, or points of the line. */
  readonly categories: readonly string[];
  readonly series: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
}

/** What came of a workload. */
export interface Result {
  readonly rounds: { readonly kept: number; readonly dropped: number };
  /** Too few undisturbed rounds: no gate is judged by it. */
  readonly noisy: boolean;
  readonly figures: readonly Figure[];
  readonly comparisons: readonly Comparison[];
  readonly charts: readonly Chart[];
  /** What a reader must know to read it rightly; what was counted (acknowledged = stored = delivered). */
  readonly notes: readonly string[];
}
