import { Canaries } from './canaries.js';
import { drawCharts } from './charts.js';
import { benchLimits } from './limits/main.js';
import { LoadGenerator } from './load.js';
import { findCores } from './machine.js';
import { type Options, readOptions } from './options.js';
import { writePage } from './page.js';
import { BenchPostgres } from './postgres.js';
import { inWords } from './report.js';
import { describe, keepRun, type Run, settingOf } from './results.js';
import { fails } from './targets.js';
import type { Bench } from './workload.js';
import { WORKLOADS } from './workloads/index.js';

/** Of wall time, from the first process to the last round: what ends and builds around it also takes some. */
const QUICK_SECONDS = 155;

const tell = (text: string): void => void process.stderr.write(`${text}\n`);

/** Starts what all workloads use, measures them one after the other, and ends everything, also after a failure. */
async function benchWorkloads({ workloads, quick, asked, kept }: Options & { task: 'workloads' }): Promise<void> {
  const deadline = quick ? performance.now() + QUICK_SECONDS * 1000 : Infinity;
  const cores = await findCores();
  await using ends = new AsyncDisposableStack();
  const postgres = ends.adopt(await BenchPostgres.start(cores?.others), (it) => it.stop());
  const generator = ends.adopt(await LoadGenerator.start(cores?.others), (it) => it.stop());
  const stop = new AbortController();
  // Without the generator no further order is taken: whatever is under way fails, and what was started is ended in order.
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      stop.abort(new Error(`ended by ${name}`));
      void generator.stop();
    });
  }
  const canaries = ends.adopt(await Canaries.start(postgres, generator, cores), (it) => it.stop());
  const bench: Bench = { postgres, generator, cores, canaries, quick, asked, deadline, signal: stop.signal, tell };
  const setting = settingOf(postgres.version, cores !== undefined);
  process.stdout.write(`${describe(setting)}\n\n`);
  for (const workload of workloads) {
    const { name, title } = workload;
    tell(`${name}: ${title}`);
    try {
      stop.signal.throwIfAborted();
      if (performance.now() > deadline) throw new Error('there was no time left for it');
      const result = await workload.run(bench);
      await report(name, { title, when: new Date().toISOString(), quick, setting, result }, kept);
    } catch (error) {
      failed(`${name}: ${textOf(error)}`);
    }
  }
}

async function report(name: string, run: Run, kept: boolean): Promise<void> {
  const { figures, comparisons, charts, noisy } = run.result;
  process.stdout.write(`${inWords(run.title, run.result)}\n\n`);
  // Where there was no time for a single round, what was measured before says more.
  if (kept && figures.length > 0) {
    await keepRun(name, run);
    await drawCharts(charts);
  }
  if (comparisons.some((comparison) => fails(comparison, noisy))) process.exitCode = 1;
}

function failed(text: string): void {
  tell(text);
  process.exitCode = 1;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function main(options: Options): Promise<void> {
  switch (options.task) {
    case 'workloads':
      return benchWorkloads(options);
    case 'limits':
      return benchLimits(options);
    case 'docs':
      return writePage(WORKLOADS.map(({ name }) => name));
    case 'help':
      process.stdout.write(options.usage);
  }
}

try {
  await main(readOptions(process.argv.slice(2), WORKLOADS));
} catch (error) {
  failed(textOf(error));
}
