import type { Measurement, Plan, Round, Rounds } from './rounds.js';
import { type Spread, spreadOf } from './statistics.js';
import { type Figure, FIGURES, TARGETS } from './targets.js';

/** Below this a median says little. */
const ENOUGH_ROUNDS = 5;

/** How one arm did: medians, nulls where the system does not tell. */
export interface ArmSummary {
  readonly arm: string;
  readonly perSecond: Spread;
  /** Milliseconds. */
  readonly p50: Spread;
  readonly p99: Spread;
  /** Microseconds of CPU for each create. */
  readonly serverCpu: number | null;
  readonly postgresCpu: number | null;
  readonly loadCpu: number | null;
  /** The share of the machine that something else used, 0 to 1. */
  readonly foreign: number | null;
}

/** One arm over another in the same round, over all rounds. */
export interface RatioSummary extends Spread {
  readonly over: string;
  readonly under: string;
  readonly figure: Figure;
  readonly gate: number | null;
  readonly reach: number | null;
  /** Of the gate; null where there is none. */
  readonly verdict: 'holds' | 'broken' | 'not judged' | null;
}

/** One workload at one number of connections. */
export interface Summary {
  readonly workload: 'create';
  readonly connections: number;
  readonly rounds: { readonly kept: number; readonly dropped: number; readonly secondsEach: number };
  /** Too few undisturbed rounds: the figures are taken over all, and no gate is judged by them. */
  readonly noisy: boolean;
  readonly arms: readonly ArmSummary[];
  readonly ratios: readonly RatioSummary[];
}

/** Medians over the undisturbed rounds. */
export function summarise({ kept, dropped }: Rounds, plan: Plan): Summary {
  const noisy = kept.length < ENOUGH_ROUNDS;
  const used = noisy ? [...kept, ...dropped] : kept;
  const [first = '', ...others] = plan.arms;
  return {
    workload: 'create',
    connections: plan.connections,
    rounds: { kept: kept.length, dropped: dropped.length, secondsEach: plan.seconds },
    noisy,
    arms: plan.arms.map((name) => summariseArm(name, used)),
    ratios: others.flatMap((under) =>
      (Object.keys(FIGURES) as Figure[]).map((figure) => ratioOf(first, under, figure, used, plan.connections, noisy)),
    ),
  };
}

function summariseArm(arm: string, rounds: readonly Round[]): ArmSummary {
  const of = (figure: Exclude<keyof Measurement, 'statuses'>): number[] =>
    rounds.map(({ arms }) => arms[arm]?.[figure] ?? NaN).filter((value) => !Number.isNaN(value));
  const middle = (values: number[]): number | null => (values.length === 0 ? null : spreadOf(values).median);
  return {
    arm,
    perSecond: spreadOf(of('perSecond')),
    p50: spreadOf(of('p50')),
    p99: spreadOf(of('p99')),
    serverCpu: middle(of('serverCpu')),
    postgresCpu: middle(of('postgresCpu')),
    loadCpu: middle(of('loadCpu')),
    foreign: middle(of('foreign')),
  };
}

function ratioOf(
  over: string,
  under: string,
  figure: Figure,
  rounds: readonly Round[],
  connections: number,
  noisy: boolean,
): RatioSummary {
  const spread = spreadOf(rounds.map(({ arms }) => (arms[over]?.[figure] ?? NaN) / (arms[under]?.[figure] ?? NaN)));
  const same = { over, under, figure, connections };
  const target = TARGETS.find((each) =>
    Object.entries(same).every(([name, value]) => each[name as keyof typeof same] === value),
  );
  const gate = target?.gate ?? null;
  return { over, under, figure, ...spread, gate, reach: target?.reach ?? null, verdict: verdictOf() };

  function verdictOf(): RatioSummary['verdict'] {
    if (gate === null) return null;
    if (noisy) return 'not judged';
    const reached = FIGURES[figure].better === 'higher' ? spread.median >= gate : spread.median <= gate;
    return reached ? 'holds' : 'broken';
  }
}
