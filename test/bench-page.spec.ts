import { readdir, readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { svgOf } from '../bench/charts.js';
import { readOptions } from '../bench/options.js';
import { filled } from '../bench/page.js';
import { inWords } from '../bench/report.js';
import type { Run } from '../bench/results.js';
import { figureTable, numberOf } from '../bench/tables.js';
import { compared, TARGETS } from '../bench/targets.js';
import type { Chart, Result, Workload } from '../bench/workload.js';
import { WORKLOADS } from '../bench/workloads/index.js';

const CHART: Chart = {
  ...{ file: 'create-rate', title: 'Creates per second', kind: 'lines', unit: 'per second' },
  categories: ['1', '32'],
  series: [
    { name: 'ours', values: [500, 6000] },
    { name: 'floor', values: [600, null] },
  ],
};

const RESULT: Result = {
  rounds: { kept: 5, dropped: 2 },
  noisy: false,
  figures: [
    { arm: 'ours', name: 'creates per second', unit: 'per second', at: '32', median: 5678, low: 1, high: 2 },
    { arm: 'ours', name: 'p99', unit: 'ms', at: '32', median: 1.234, low: 1, high: 2 },
    { arm: 'floor', name: 'creates per second', unit: 'per second', at: '32', median: 34.56, low: 1, high: 2 },
  ],
  comparisons: [
    compared(TARGETS.createToTextbook, [6, 5.5, 7], '32 connections'),
    compared({ name: 'create ÷ other', better: 'higher', unit: '×', gate: null, stretch: null }, [2]),
  ],
  charts: [CHART],
  notes: ['Rows were counted.'],
};

const RUN: Run = {
  ...{ title: 'Creates', when: '2026-01-31T12:00:00.000Z', quick: true, result: RESULT },
  setting: { cores: 2, processor: 'A processor', pinned: true, node: 'v24.0.0', postgres: '18.4' },
};

const PAGE =
  '# Page\n<!-- bench: targets -->\nof last time\n<!-- /bench -->\nprose $1\n<!-- bench: workloads -->\n<!-- /bench -->\n';

describe('the page of the bench', () => {
  it('has every comparison that something is asked of beside its gate and stretch', () => {
    const page = filled(PAGE, [RUN]);

    expect(page).toContain('| create ÷ textbook, 32 connections | 6.00 | 5.50 … 7.00 | ≥ 5 | ≥ 9 | holds |');
    expect(page).toContain('| create ÷ other | 2.00 | 2.00 … 2.00 |');
    expect(page).not.toContain('of last time');
    expect(page).toContain('prose $1');
  });

  it('has what came of each workload: charts, circumstances, notes and figures', () => {
    const page = filled(PAGE, [RUN]);

    expect(page).toContain('![Creates per second](images/bench/create-rate.svg)');
    expect(page).toContain(
      '2026-01-31, quick, 2 cores (A processor), pinned, Node v24.0.0, PostgreSQL 18.4; 5 rounds, 2 dropped.',
    );
    expect(page).toContain('- Rows were counted.');
    expect(page).toContain('| ours, 32 | 5 678 | 1.23 |\n| floor, 32 | 34.6 |  |');
  });

  it('stays the same when it is filled again, and says so where it was too noisy', () => {
    const noisy = { ...RUN, result: { ...RESULT, noisy: true } };
    const page = filled(PAGE, [noisy]);

    expect(filled(page, [noisy])).toBe(page);
    expect(page).toContain('Too noisy');
    expect(page).toContain('not judged');
  });

  it('says where nothing was measured', () => {
    expect(filled(PAGE, []).match(/_Not measured yet\._/g)).toHaveLength(2);
  });
});

describe('docs/performance.md', () => {
  let runs: Record<string, Run>;
  const known = () => WORKLOADS.flatMap(({ name }) => runs[name] ?? []);

  beforeAll(async () => {
    runs = JSON.parse(await readFile(new URL('../bench/results/latest.json', import.meta.url), 'utf8'));
  });

  it('shows what bench/results/latest.json holds; else: npm run bench -- docs', async () => {
    const page = await readFile(new URL('../docs/performance.md', import.meta.url), 'utf8');

    expect(filled(page, known())).toBe(page);
  });

  it('has a chart for each that it names, drawn from the same figures, and no other', async () => {
    const folder = new URL('../docs/images/bench/', import.meta.url);
    const charts = known().flatMap(({ result }) => result.charts);

    expect((await readdir(folder).catch(() => [])).sort()).toEqual(charts.map(({ file }) => `${file}.svg`).sort());
    for (const chart of charts) {
      expect(await readFile(new URL(`${chart.file}.svg`, folder), 'utf8')).toBe(`${svgOf(chart)}\n`);
    }
  });
});

describe('a chart', () => {
  it('is the same picture whatever was drawn before it', () => {
    const first = svgOf(CHART);
    svgOf({ ...CHART, kind: 'bars' });

    expect(svgOf(CHART)).toBe(first);
  });

  it('is legible on any page and needs nothing else', () => {
    const drawn = svgOf(CHART);

    expect(drawn).toContain('fill="#ffffff"');
    expect(drawn).toContain('Creates per second');
    expect(drawn).not.toMatch(/<style|@font-face|href="http/);
  });
});

describe('a table', () => {
  it('has a line for each arm and circumstance, a column for each figure', () => {
    expect(figureTable(RESULT.figures)).toEqual([
      ['arm', 'creates per second', 'p99, ms'],
      ['ours, 32', '5 678', '1.23'],
      ['floor, 32', '34.6', ''],
    ]);
  });

  it.each([
    [0.1234, '0.12'],
    [12.34, '12.3'],
    [1_234_567, '1 234 567'],
    [-3.456, '-3.46'],
    [NaN, '–'],
  ])('writes %d as %s', (value, text) => {
    expect(numberOf(value)).toBe(text);
  });

  it('tells people at the terminal the same', () => {
    const text = inWords('Creates', RESULT);

    expect(text).toContain('Creates: 5 rounds, 2 dropped');
    expect(text).toMatch(/create ÷ textbook, 32 connections +6\.00 +5\.50 … 7\.00 +≥ 5 +≥ 9 +holds/);
  });
});

describe('the command line of the bench', () => {
  const run = async (): Promise<Result> => RESULT;
  const short: Workload = { name: 'short', title: 'Short', quick: true, run };
  const long: Workload = { name: 'long', title: 'Long', quick: false, run };
  const read = (...args: string[]) => readOptions(args, [short, long]);

  it('runs what is named, else everything, and quick what is short', () => {
    expect(read()).toMatchObject({ task: 'workloads', workloads: [short, long], quick: false, kept: true });
    expect(read('quick')).toMatchObject({ workloads: [short], quick: true });
    expect(read('long')).toMatchObject({ workloads: [long] });
    expect(read('quick', 'long')).toMatchObject({ workloads: [long], quick: true });
  });

  it('keeps only what was measured as usual', () => {
    expect(read('--rounds', '3')).toMatchObject({ kept: true, asked: { rounds: 3 } });
    expect(read('--arms', 'ours,floor')).toMatchObject({ kept: false, asked: { arms: ['ours', 'floor'] } });
    expect(read('--build', 'before=/old/dist')).toMatchObject({
      kept: false,
      asked: { builds: [{ name: 'before', folder: '/old/dist' }] },
    });
  });

  it('has other tasks', () => {
    expect(read('docs')).toEqual({ task: 'docs' });
    expect(read('limits', 'quick')).toEqual({ task: 'limits', quick: true, rounds: 5 });
    expect(read('--help')).toMatchObject({ task: 'help', usage: expect.stringContaining('short') });
  });

  it.each([['nothing'], ['--rounds', '0'], ['--build', 'x'], ['--unknown'], ['docs', 'short']])(
    'answers %s %s with how it is used',
    (...args) => {
      expect(() => read(...args)).toThrow('npm run bench');
    },
  );
});
