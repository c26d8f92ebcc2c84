import { figuresOf, measureRounds, ratiosOf } from '../rounds.js';
import { compared, TARGETS } from '../targets.js';
import type { Chart, Figure, Workload } from '../workload.js';
import { GrownServer, GROWTH_FIGURES } from './growth/grown-server.js';

const SIZES = { none: 0, '10⁴': 10_000, '10⁶': 1_000_000, '10⁷': 10_000_000 };
/** So many where nothing else is asked for. Ten million take longer to fill than everything else takes to measure. */
const USUAL = SIZES['10⁶'];
/** Seconds of rounds. */
const PLAN = { budget: 180, rounds: 8 };
const SECONDS = 1;

/** Creates and lists where there is much already. */
export const growth: Workload = {
  name: 'growth',
  title: 'Creates and lists with many agreements',
  quick: false,
  run: async (bench) => {
    await using ends = new AsyncDisposableStack();
    const servers: GrownServer[] = [];
    const most = bench.asked.rows ?? USUAL;
    for (const [name, rows] of Object.entries(SIZES).filter(([, size]) => size <= most)) {
      servers.push(ends.adopt(await GrownServer.start(bench, rows, name), (it) => it.stop()));
    }
    for (const server of servers) await server.warmUp();
    const arms = servers.map((server) => server.measuring(bench.asked.seconds ?? SECONDS));
    const measured = await measureRounds(bench, arms, { ...PLAN, rounds: bench.asked.rounds ?? PLAN.rounds });
    const figures = [...figuresOf(measured, GROWTH_FIGURES), ...(await sizesOf(servers))];
    return {
      rounds: { kept: measured.kept.length, dropped: measured.dropped.length },
      noisy: measured.noisy,
      figures,
      comparisons: servers.slice(1).map(({ name, rows }) => {
        const target = { ...TARGETS.createWithManyRows, name: `create with ${name} agreements ÷ with none` };
        // What must hold with the most must hold with less.
        const judged = rows >= USUAL ? target : { ...target, gate: null };
        return compared(judged, ratiosOf(measured, name, 'none', 'perSecond'));
      }),
      charts: [chartOf(servers, figures)],
      notes: NOTES,
    };
  },
};

const NOTES = [
  'Up to 10⁶ agreements; 10⁷ only with `--rows 10000000`.',
  'After each round every acknowledged create is counted by joining its event with its row. The agreements that were there are confirmed ones of the last year, with what the service keeps of them: history, send, try, and in the limits the last day.',
  'There is one checkpoint, before 20 000 creates and the first round. The first change of a page after a checkpoint writes it whole into the WAL; with 10⁷ agreements most pages of the index on id_hash are still to be written so, which is the worst that a checkpoint brings.',
];

/** What a hundred bytes more in one place cost. Of the largest only. */
async function sizesOf(servers: readonly GrownServer[]): Promise<Figure[]> {
  const largest = servers.at(-1);
  if (!largest) return [];
  return [...(await largest.sizes())].map(([name, bytes]) => {
    return { arm: largest.name, name: `${name}, per agreement`, unit: 'bytes', median: bytes, low: bytes, high: bytes };
  });
}

function chartOf(servers: readonly GrownServer[], figures: readonly Figure[]): Chart {
  const names = servers.map(({ name }) => name);
  const of = (figure: string): (number | null)[] =>
    names.map((name) => figures.find((each) => each.arm === name && each.name === figure)?.median ?? null);
  return {
    ...{ file: 'growth', title: 'Creates per second, by agreements that are there already', kind: 'lines' },
    ...{ unit: 'per second', categories: names },
    series: [{ name: 'ours', values: of(GROWTH_FIGURES.perSecond.name) }],
  };
}
