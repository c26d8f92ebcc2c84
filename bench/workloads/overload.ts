import { type Arm, ARMS, KEY } from '../arms.js';
import { residentMegabytes } from '../machine.js';
import { OpenLoopGenerator, type OpenLoopResult } from '../open-loop.js';
import { clear, countRows } from '../postgres.js';
import { Server } from '../processes.js';
import { figuresOf, type MeasuredArm, measureRounds, valuesOf } from '../rounds.js';
import { compared, TARGETS } from '../targets.js';
import type { Bench, Result, Workload } from '../workload.js';

const ARM_NAMES = ['ours', 'textbook'];
/** How much more is offered than can be taken. */
const TIMES = 2;
const SECONDS = 5;
const QUICK_SECONDS = 3;
/** The closed loop that tells what can be taken. */
const CLOSED = { connections: 128, amount: 10_000, quick: 5_000 };
const WARM_UP = { connections: 32, amount: 20_000, quick: 5_000 };
const CONNECTIONS = 1_000;
const BUDGET = { budget: 300, rounds: 5 };
const QUICK_BUDGET = { budget: 30, rounds: 2 };

const FIGURES = {
  share: { name: 'accepted while offered, of capacity', unit: '' },
  capacity: { name: 'capacity: closed loop of 128', unit: 'per second' },
  accepted: { name: 'accepted while offered', unit: 'per second' },
  p50: { name: 'p50 of what was accepted', unit: 'ms' },
  p99: { name: 'p99 of what was accepted', unit: 'ms' },
  refused: { name: 'refused, of all', unit: '' },
  refusedP50: { name: 'p50 of a refusal', unit: 'ms' },
  memory: { name: 'resident memory after it', unit: 'MB' },
  growth: { name: 'growth of resident memory', unit: 'MB' },
} as const;

/** An open loop of twice what a closed one gets done: what becomes of a service that is asked for too much. */
export const overload: Workload = {
  name: 'overload',
  title: 'Twice as many creates as can be taken, beside textbook',
  quick: false,
  run,
};

async function run(bench: Bench): Promise<Result> {
  await using ends = new AsyncDisposableStack();
  const open = ends.adopt(await OpenLoopGenerator.start(bench.cores?.others), (it) => it.stop());
  const arms: MeasuredArm[] = [];
  for (const arm of ARMS.filter(({ name }) => ARM_NAMES.includes(name))) {
    const databaseUrl = await bench.postgres.createDatabase(`bench_overload_${arm.name}`);
    await arm.prepare(databaseUrl);
    const command = (port: number) => arm.command(port, databaseUrl);
    const server = await Server.start(arm.name, command, '/health/ready', bench.cores?.server);
    ends.adopt(server, (it) => it.stop());
    bench.tell(`warming ${arm.name} up`);
    await closedLoop(bench, server, WARM_UP);
    arms.push({ name: arm.name, measure: () => measure(bench, { arm, server, databaseUrl, open }) });
  }
  const rounds = await measureRounds(bench, arms, bench.quick ? QUICK_BUDGET : BUDGET);
  return {
    rounds: { kept: rounds.kept.length, dropped: rounds.dropped.length },
    noisy: rounds.noisy,
    figures: figuresOf(rounds, FIGURES),
    comparisons: [
      compared(TARGETS.goodputUnderOverload, valuesOf(rounds, 'ours', 'share')),
      compared(TARGETS.latencyUnderOverload, valuesOf(rounds, 'ours', 'p99')),
    ],
    charts: [],
    notes: [
      `An open loop of ${TIMES} × what a closed loop of ${CLOSED.connections} connections got done just before, on up to ${CONNECTIONS} connections. Latencies count from when a request was due, not from when it could be sent.`,
      'Counted: no row for each 201 is missing, and what is stored beyond them is not more than there were other answers: a late 503 may hide a commit.',
    ],
  };
}

interface Overloaded {
  readonly arm: Arm;
  readonly server: Server;
  readonly databaseUrl: string;
  readonly open: OpenLoopGenerator;
}

async function measure(
  bench: Bench,
  { arm, server, databaseUrl, open }: Overloaded,
): Promise<Record<keyof typeof FIGURES, number>> {
  await clear(databaseUrl, arm.tables);
  const capacity = await closedLoop(bench, server, CLOSED);
  await clear(databaseUrl, arm.tables);
  const before = await residentMegabytes(server.pid);
  const result = await open.offer({
    ...{
      url: `${server.url}/v1/agreement`,
      key: KEY,
      first: nextRequests(),
      connections: CONNECTIONS,
      warm: CONNECTIONS,
    },
    ...{ perSecond: Math.round(capacity * TIMES), seconds: bench.quick ? QUICK_SECONDS : SECONDS },
  });
  const memory = await residentMegabytes(server.pid);
  await mustHaveStored(arm, databaseUrl, result);
  const [accepted, refused] = [result.statuses[201], result.statuses[503]];
  return {
    ...{ share: (accepted?.perSecond ?? 0) / capacity, capacity, accepted: accepted?.perSecond ?? 0 },
    ...{ p50: accepted?.p50 ?? NaN, p99: accepted?.p99 ?? NaN },
    ...{ refused: (refused?.count ?? 0) / result.requests, refusedP50: refused?.p50 ?? NaN },
    ...{ memory, growth: memory - before },
  };
}

async function closedLoop(
  { generator, quick }: Bench,
  { url }: Server,
  { connections, ...amounts }: typeof CLOSED,
): Promise<number> {
  const amount = quick ? amounts.quick : amounts.amount;
  const order = { url: `${url}/v1/agreement`, key: KEY, connections, amount };
  return (await generator.load({ ...order, keyed: false })).perSecond;
}

async function mustHaveStored(arm: Arm, databaseUrl: string, result: OpenLoopResult): Promise<void> {
  const acknowledged = result.statuses[201]?.count ?? 0;
  const counts = await countRows(databaseUrl, arm.tables);
  const whole = Object.values(counts).every((rows) => rows >= acknowledged && rows <= result.requests);
  const equal = new Set(Object.values(counts)).size === 1;
  if (whole && equal && result.answers === result.requests) return;
  const answered = Object.entries(result.statuses).map(([status, { count }]) => `${status}: ${count}`);
  throw new Error(
    `void: ${arm.name} answered ${answered.join(', ')} of ${result.requests}, stored ${JSON.stringify(counts)}`,
  );
}

let requests = 50_000_000;
/** Numbers that no other load has. */
function nextRequests(): number {
  return (requests += 200_000);
}
