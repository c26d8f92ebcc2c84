import { KEY, serviceArm, serviceCommand } from '../arms.js';
import { UNFINISHED, untilNone } from '../finished.js';
import { clear, countRows } from '../postgres.js';
import { Server } from '../processes.js';
import { BenchProvider } from '../provider.js';
import { figuresOf, type MeasuredArm, measureRounds, ratiosOf, valuesOf } from '../rounds.js';
import { compared, TARGETS } from '../targets.js';
import type { Bench, Result, Workload } from '../workload.js';

const SLOW = 'a provider that answers in 1 s';
const FAST = 'a provider that answers at once';
const WAITS: Readonly<Record<string, number>> = { [SLOW]: 1_000, [FAST]: 0 };
const CONCURRENCY = 2_000;
const AMOUNT = 8_000;
const QUICK_AMOUNT = 3_000;
const CONNECTIONS = 8;
/** Milliseconds for all texts of a round. */
const PATIENCE = 60_000;
const BUDGET = { budget: 300, rounds: 5 };
const QUICK_BUDGET = { budget: 40, rounds: 2 };

/** What is emptied between rounds; every one of the first must hold a row for each create. */
const COUNTED = ['agreement', 'send'];
const TABLES = [...COUNTED, 'send_try', 'history', 'outbox', 'limit_entry'];

const FIGURES = {
  sends: { name: 'sends handed over per second', unit: 'per second' },
  creates: { name: 'creates per second meanwhile, 8 connections', unit: 'per second' },
} as const;

/** Creates in a closed loop, and their texts to a provider that takes its time. */
export const slowProvider: Workload = {
  name: 'slow-provider',
  title: 'Texts to a provider that answers in 1 s, while creates go on',
  quick: false,
  run,
};

async function run(bench: Bench): Promise<Result> {
  await using ends = new AsyncDisposableStack();
  const arms: MeasuredArm[] = [];
  for (const name of [SLOW, FAST]) arms.push(await startArm(bench, name, ends));
  bench.tell('warming up');
  for (const arm of arms) await arm.measure();
  const rounds = await measureRounds(bench, arms, bench.quick ? QUICK_BUDGET : BUDGET);
  return {
    rounds: { kept: rounds.kept.length, dropped: rounds.dropped.length },
    noisy: rounds.noisy,
    figures: figuresOf(rounds, FIGURES),
    comparisons: [
      compared(TARGETS.slowProvider, valuesOf(rounds, SLOW, 'sends')),
      compared(TARGETS.createBesideSlowProvider, ratiosOf(rounds, SLOW, FAST, 'creates')),
    ],
    charts: [],
    notes: [
      `Two processes of the service, one with the role api and one with relay and worker without Kafka, SMS_CONCURRENCY ${CONCURRENCY}; a closed loop of creates, and the time from the first to the last text. The pace of sends holds what creates take from it while they go on.`,
      'Counted: each create acknowledged, one row in agreement and in send for each, and one text for each person.',
    ],
  };
}

async function startArm(bench: Bench, name: string, ends: AsyncDisposableStack): Promise<MeasuredArm> {
  const { postgres, cores } = bench;
  const wait = WAITS[name] ?? 0;
  const databaseUrl = await postgres.createDatabase(`bench_slow_provider_${wait}`);
  await serviceArm(name).prepare(databaseUrl);
  const provider = ends.adopt(await BenchProvider.start(wait, cores?.others), (it) => it.stop());
  const start = async (roles: string): Promise<Server> => {
    const settings = { ROLES: roles, SMS_CONCURRENCY: String(CONCURRENCY), ...provider.settings };
    const command = (port: number) => serviceCommand(port, databaseUrl, settings);
    return ends.adopt(await Server.start(roles, command, '/health/ready', cores?.server), (it) => it.stop());
  };
  const api = await start('api');
  await start('relay,worker');
  return { name, measure: () => measure(bench, { api, databaseUrl, provider }) };
}

interface Deployment {
  readonly api: Server;
  readonly databaseUrl: string;
  readonly provider: BenchProvider;
}

async function measure(
  { generator, quick }: Bench,
  { api, databaseUrl, provider }: Deployment,
): Promise<Record<keyof typeof FIGURES, number>> {
  const amount = quick ? QUICK_AMOUNT : AMOUNT;
  await clear(databaseUrl, TABLES);
  const order = { url: `${api.url}/v1/agreement`, key: KEY, connections: CONNECTIONS, amount, keyed: false };
  const { acknowledged, perSecond } = await generator.load(order);
  if (acknowledged !== amount) throw new Error(`void: ${acknowledged} of ${amount} creates were acknowledged`);
  const { at } = await provider.take(amount, PATIENCE);
  await untilNone(databaseUrl, UNFINISHED);
  const counts = await countRows(databaseUrl, COUNTED);
  if (Object.values(counts).some((rows) => rows !== amount)) {
    throw new Error(`void: ${amount} creates were acknowledged, stored ${JSON.stringify(counts)}`);
  }
  const took = Math.max(...at) - Math.min(...at);
  return { sends: (amount / took) * 1_000, creates: perSecond };
}
