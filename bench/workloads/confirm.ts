import { figuresOf, type MeasuredArm, measureRounds, type Plan, ratiosOf, type Rounds, valuesOf } from '../rounds.js';
import { spreadOf } from '../statistics.js';
import { compared, type Target, TARGETS } from '../targets.js';
import type { Bench, Chart, Comparison, Figure, Result, Workload } from '../workload.js';
import { type GuessArm, startGuessArms } from './confirm/arms.js';
import { CASES, type GuessCase } from './confirm/cases.js';
import { GUESS_FIGURES, Guessing } from './confirm/guessing.js';

type CaseName = keyof typeof CASES;

/** Seconds of rounds for each case. */
const BUDGETS: Readonly<Record<CaseName, number>> = {
  ...{ right: 240, rightAlone: 60, wrong: 60, replay: 60, keyed: 40, contended: 60 },
};
const ROUNDS_OF_THE_OTHERS = 5;
const QUICK_BUDGET = 40;

/** To look at: nobody has asked for them. */
const seen = (name: string, better: Target['better'] = 'higher'): Target => ({
  ...{ name, better, unit: '×', gate: null, stretch: null },
});

/** Guesses at codes: right, wrong, repeated and all at once. */
export const confirm: Workload = {
  name: 'confirm',
  title: 'Guesses at codes: right, wrong, repeated, and all at once',
  quick: true,
  run,
};

async function run(bench: Bench): Promise<Result> {
  await using ends = new AsyncDisposableStack();
  const arms = await startGuessArms(bench, ends);
  const cases: readonly CaseName[] = bench.quick ? ['right'] : (Object.keys(CASES) as CaseName[]);
  const measured = new Map<CaseName, Rounds>();
  for (const name of cases) {
    const rounds = name === 'right' ? {} : { rounds: ROUNDS_OF_THE_OTHERS };
    const plan = { ...rounds, budget: bench.quick ? QUICK_BUDGET : BUDGETS[name] };
    bench.tell(`${CASES[name].name}, ${at(CASES[name])}`);
    measured.set(name, await measureCase(bench, arms, name, plan));
  }
  // What a backend has counted is there for certain when it has ended.
  for (const { server } of arms) await server.stop();
  const hot = await Promise.all(arms.map(async ({ name, pending }) => [name, await pending.hotShare()] as const));
  return resultOf(measured, hot);
}

async function measureCase(bench: Bench, arms: readonly GuessArm[], name: CaseName, plan: Plan): Promise<Rounds> {
  const guessing = arms
    // Nobody else has keys.
    .filter((arm) => name !== 'keyed' || arm.name === 'ours')
    .map((arm) => new Guessing(bench, arm, CASES[name]));
  for (const each of guessing) await each.warmUp(name !== 'right');
  return measureRounds(bench, guessing satisfies readonly MeasuredArm[], plan);
}

function resultOf(measured: ReadonlyMap<CaseName, Rounds>, hot: readonly (readonly [string, number])[]): Result {
  const all = [...measured.values()];
  const sum = (of: 'kept' | 'dropped'): number => all.reduce((total, rounds) => total + rounds[of].length, 0);
  const figures = [...measured].flatMap(([name, rounds]): Figure[] =>
    figuresOf(rounds, GUESS_FIGURES, `${CASES[name].name}, ${at(CASES[name])}`),
  );
  const shares = hot.map(([arm, share]): Figure => ({ arm, name: 'HOT updates', unit: '', ...spreadOf([share]) }));
  return {
    rounds: { kept: sum('kept'), dropped: sum('dropped') },
    noisy: measured.get('right')?.noisy ?? true,
    figures: [...figures, ...shares],
    comparisons: comparisonsOf(measured),
    charts: [
      chartOf(
        measured,
        hot.map(([arm]) => arm),
      ),
    ],
    notes: [
      'Agreements are copies of one that the service made and sent itself, each with its own reference, code and number; ' +
        'all of them lie in memory, and no checkpoint comes between the making and the guessing.',
      'Used codes: the same guess once more. Repeated requests: the same one once more with its Idempotency-Key. Contended codes: ' +
        '32 guesses at each agreement at once, one of them right.',
      'After each pass: agreements confirmed = events = answers 200; failed attempts = history entries = answers 422; no code ' +
        'bore more than three wrong guesses, also of 32 at once.',
      'The floors know one client, keep no Idempotency-Keys, explain no refusal and never close an agreement after too many failures.',
    ],
  };
}

function comparisonsOf(measured: ReadonlyMap<CaseName, Rounds>): Comparison[] {
  const rows: readonly (readonly [CaseName, string, keyof typeof GUESS_FIGURES, Target])[] = [
    ['right', 'floor', 'perSecond', TARGETS.confirmToFloor],
    ['right', 'floor-one-statement', 'perSecond', seen('confirm ÷ floor of one statement')],
    ['right', 'floor', 'serverCpu', seen("server's CPU per confirm ÷ floor", 'lower')],
    ['rightAlone', 'floor', 'p50', seen('latency of a confirm alone ÷ floor', 'lower')],
    ['wrong', 'floor', 'perSecond', seen('wrong guesses ÷ floor')],
    ['replay', 'floor', 'perSecond', seen('codes that have been used ÷ floor')],
    ['contended', 'floor', 'perSecond', seen('contended guesses ÷ floor')],
  ];
  return rows.flatMap(([name, under, figure, target]) => {
    const rounds = measured.get(name);
    return rounds ? [compared(target, ratiosOf(rounds, 'ours', under, figure), at(CASES[name]))] : [];
  });
}

function chartOf(measured: ReadonlyMap<CaseName, Rounds>, arms: readonly string[]): Chart {
  const shown = [...measured].filter(([name]) => name !== 'keyed' && name !== 'rightAlone');
  const medianOf = (rounds: Rounds, arm: string): number | null => {
    const values = valuesOf(rounds, arm, 'perSecond');
    return values.length === 0 ? null : spreadOf(values).median;
  };
  return {
    ...{ file: 'confirm', title: 'Guesses per second, 32 connections', kind: 'bars', unit: 'per second' },
    categories: shown.map(([name]) => CASES[name].name),
    series: arms.map((name) => ({ name, values: shown.map(([, rounds]) => medianOf(rounds, name)) })),
  };
}

function at({ connections }: GuessCase): string {
  return connections === 1 ? '1 connection' : `${connections} connections`;
}
