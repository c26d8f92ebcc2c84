import type { Canary } from './canaries.js';
import { startForeignMeter, untilCalm } from './machine.js';
import { spreadOf } from './statistics.js';
import type { Bench, Figure } from './workload.js';

/** What is compared: the same work, done another way. */
export interface MeasuredArm {
  readonly name: string;
  /**
   * Does the work once and gives numbers by their names; NaN where there is none.
   * @throws where what was acknowledged is not what was stored or delivered
   */
  measure(): Promise<Readonly<Record<string, number>>>;
}

/** One pass over all arms. */
export interface Round {
  readonly arms: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** The largest share of the machine that something else used during an arm, 0 to 1; null where the system does not tell. */
  readonly foreign: number | null;
  /** Before and after it. */
  readonly canaries: readonly [Canary, Canary];
}

/** What came of measuring. */
export interface Rounds {
  readonly kept: readonly Round[];
  readonly dropped: readonly Round[];
  /** Too few were kept. */
  readonly noisy: boolean;
  /** Those to take the figures from: what was kept; all of them where it is noisy, and then they are a hint only. */
  readonly used: readonly Round[];
}

/** How long to measure. */
export interface Plan {
  /** So many undisturbed rounds are wanted (10, quick 5), */
  readonly rounds?: number;
  /** but none is begun after so many seconds. */
  readonly budget: number;
  /** So many seconds each arm waits in each round for others to be done with their work (5, quick 0: it is only tried again). */
  readonly patience?: number;
}

/** A round counts where no canary was further than this from the usual, */
const DRIFT = 0.1;
/** and where no arm had to share more than this of the machine with others. */
const FOREIGN = 0.1;
/** Below this a median says little. */
export const ENOUGH_ROUNDS = 5;
const TRIES = 3;

/**
 * Measures all arms in turn, A B C, C B A, …, with the canaries before and after each round, until enough rounds were
 * undisturbed or the time is over. What an arm needs to be warm is done before.
 */
export async function measureRounds(bench: Bench, arms: readonly MeasuredArm[], plan: Plan): Promise<Rounds> {
  const deadline = Math.min(performance.now() + plan.budget * 1000, bench.deadline);
  const wanted = plan.rounds ?? (bench.quick ? 5 : 10);
  const patience = (plan.patience ?? (bench.quick ? 0 : 5)) * 1000;
  const rounds: Round[] = [];
  while (performance.now() < deadline && !bench.signal.aborted && undisturbed(rounds).kept.length < wanted) {
    const round = await measureRound(bench, rounds.length % 2 === 0 ? arms : arms.toReversed(), patience, deadline);
    rounds.push(round);
    bench.tell(`round ${rounds.length}: ${inWords(round)}`);
  }
  return undisturbed(rounds);
}

async function measureRound(
  { canaries, postgres }: Bench,
  arms: readonly MeasuredArm[],
  patience: number,
  deadline: number,
): Promise<Round> {
  const before = await canaries.ask();
  const figures: Record<string, Readonly<Record<string, number>>> = {};
  const shares: (number | undefined)[] = [];
  for (const arm of arms) {
    // Again where something else was at work, but the last try counts: the round is dropped for it.
    for (let tries = 1; ; tries += 1) {
      await untilCalm([postgres.pid], Math.min(patience, deadline - performance.now()));
      const stop = await startForeignMeter([postgres.pid]);
      figures[arm.name] = await arm.measure();
      const share = await stop();
      if (tries < TRIES && (share ?? 0) > FOREIGN && performance.now() < deadline) continue;
      shares.push(share);
      break;
    }
  }
  const known = shares.filter((share) => share !== undefined);
  const foreign = known.length === 0 ? null : Math.max(...known);
  return { arms: figures, foreign, canaries: [before, await canaries.ask()] };
}

/**
 * Tells rounds that count from those that do not; anew after each round, because only many canaries together tell what
 * is usual: those of the rounds in which nobody else was seen to work.
 */
export function undisturbed(rounds: readonly Round[]): Rounds {
  const alone = rounds.filter(({ foreign }) => (foreign ?? 0) <= FOREIGN);
  const all = alone.flatMap(({ canaries }) => canaries);
  const usual = (canary: keyof Canary): number => spreadOf(all.map((each) => each[canary])).median;
  const near = (canary: Canary, name: keyof Canary): boolean => Math.abs(canary[name] / usual(name) - 1) <= DRIFT;
  const kept = alone.filter(({ canaries }) =>
    canaries.every((canary) => near(canary, 'http') && near(canary, 'database')),
  );
  const noisy = kept.length < ENOUGH_ROUNDS;
  return { kept, dropped: rounds.filter((round) => !kept.includes(round)), noisy, used: noisy ? rounds : kept };
}

/** One number of an arm in each round that is used. */
export function valuesOf({ used }: Rounds, arm: string, figure: string): number[] {
  return used.map(({ arms }) => arms[arm]?.[figure] ?? NaN).filter((value) => !Number.isNaN(value));
}

/** The same number of one arm over that of another in the same round, for each round that is used. */
export function ratiosOf({ used }: Rounds, over: string, under: string, figure: string): number[] {
  const ratios = used.map(({ arms }) => (arms[over]?.[figure] ?? NaN) / (arms[under]?.[figure] ?? NaN));
  return ratios.filter((value) => !Number.isNaN(value));
}

/**
 * The figures of every arm that has them: medians over the rounds that are used.
 * @param names what each number is called, and its unit
 */
export function figuresOf(
  rounds: Rounds,
  names: Readonly<Record<string, Pick<Figure, 'name' | 'unit'>>>,
  at?: string,
): Figure[] {
  const arms = Object.keys(rounds.used[0]?.arms ?? {});
  return arms.flatMap((arm) =>
    Object.entries(names).flatMap(([figure, named]) => {
      const values = valuesOf(rounds, arm, figure);
      return values.length === 0 ? [] : [{ arm, ...named, ...(at === undefined ? {} : { at }), ...spreadOf(values) }];
    }),
  );
}

function inWords({ arms, foreign, canaries }: Round): string {
  const each = Object.entries(arms).map(([name, figures]) => `${name} ${firstOf(figures)}`);
  const others = foreign === null ? '' : `; others ${Math.round(foreign * 100)} %`;
  const asked = canaries.map(({ http, database }) => `${Math.round(http)}, ${Math.round(database)}`).join('; ');
  return `${each.join(', ')}${others}; canaries ${asked}`;
}

/** The first number is what the arm is measured for. */
function firstOf(figures: Readonly<Record<string, number>>): string {
  const value = Object.values(figures)[0] ?? NaN;
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2);
}
