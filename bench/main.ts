import { mkdir, writeFile } from 'node:fs/promises';
import { canaryCommand, KEY } from './arms.js';
import { benchLimits } from './limits/main.js';
import { LoadGenerator } from './load.js';
import { findCores } from './machine.js';
import { type Options, readOptions } from './options.js';
import { BenchPostgres } from './postgres.js';
import { Server } from './processes.js';
import { describe, inWords, type Setting, settingOf } from './report.js';
import { type Bench, measure, type RunningArm } from './rounds.js';
import { summarise, type Summary } from './summary.js';

const RESULTS = new URL('../bench/results/', import.meta.url);

const tell = (text: string): void => void process.stderr.write(`${text}\n`);

/** Starts everything, measures as asked, and ends everything, also after a failure. */
async function run({ arms, plans }: Options): Promise<{ setting: Setting; summaries: Summary[] }> {
  const cores = await findCores();
  await using ends = new AsyncDisposableStack();
  const postgres = ends.adopt(await BenchPostgres.start(cores?.others), (it) => it.stop());
  const generator = ends.adopt(await LoadGenerator.start(cores?.others), (it) => it.stop());
  // Without it no further order is taken: whatever is under way fails, and what was started is ended in order.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void generator.stop());
  const start = async (name: string, command: Parameters<typeof Server.start>[1], ready: string): Promise<Server> =>
    ends.adopt(await Server.start(name, command, ready, cores?.server), (it) => it.stop());
  const canary = await start('canary', canaryCommand, '/');
  const running: RunningArm[] = [];
  for (const arm of arms) {
    const databaseUrl = await postgres.createDatabase(`bench_${arm.name.replaceAll(/\W/g, '_')}`);
    await arm.prepare(databaseUrl);
    const server = await start(arm.name, (port) => arm.command(port, databaseUrl), '/health/ready');
    running.push({ arm, server, databaseUrl });
  }
  const bench: Bench = { arms: running, canary, generator, postgres, key: KEY };
  const summaries: Summary[] = [];
  for (const plan of plans) {
    tell(`create, ${plan.connections} connections`);
    summaries.push(summarise(await measure(bench, plan, tell), plan));
  }
  return { setting: settingOf(postgres.version, cores !== undefined), summaries };
}

/** Measures the create path and says whether it reaches what it has to. */
async function compare(options: Options): Promise<void> {
  const { setting, summaries } = await run(options);
  await mkdir(RESULTS, { recursive: true });
  await writeFile(new URL('latest.json', RESULTS), `${JSON.stringify({ setting, summaries }, null, 2)}\n`);
  tell('');
  process.stdout.write(`${describe(setting)}\n\n`);
  for (const summary of summaries) process.stdout.write(`${inWords(summary)}\n\n`);
  const verdicts = summaries.flatMap(({ ratios }) => ratios.map(({ verdict }) => verdict));
  if (verdicts.includes('broken') || verdicts.includes('not judged')) process.exitCode = 1;
}

try {
  const options = readOptions(process.argv.slice(2));
  await (options.limits ? benchLimits(options.limits) : compare(options));
} catch (error) {
  tell(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
