import pg from 'pg';
import { type Arm, ARMS, serviceArm, SILENT } from '../arms.js';
import { CREATE_FIGURES, CreateServer } from '../create-server.js';
import { figuresOf, measureRounds, ratiosOf, type Rounds } from '../rounds.js';
import { compared, type Target, TARGETS } from '../targets.js';
import type { Bench, Chart, Comparison, Figure, Result, Workload } from '../workload.js';

const MAIN = 32;
const ALONE = 1;
const CONNECTIONS = [ALONE, 8, MAIN, 128];
const QUICK_CONNECTIONS = [MAIN, ALONE];
const USUAL = ['ours', 'ours-keyed', 'textbook', 'floor', 'floor-batched', 'floor-bare', 'floor-batched-bare'];
const QUICK_USUAL = ['ours', 'textbook', 'floor', 'floor-batched'];
/** One connection leaves both cores idle most of the time; only against the floor does it say something. */
const QUICK_ALONE = ['ours', 'floor'];

/** Seconds. More short rounds bring the median further than few long ones: what disturbs a round comes and goes. */
const LONG = { seconds: 1, budget: 300 };
const QUICK = { seconds: 0.7, budget: 40, rounds: 5 };
/** What is looked for is about as small as the noise of one round. */
const WAKE_UP = { seconds: 1, budget: 240, rounds: 20 };

interface Measured {
  readonly connections: number;
  readonly rounds: Rounds;
}

/** A closed loop of creates, ours beside the textbook and the floor. */
export const create: Workload = {
  name: 'create',
  title: 'Creates in a closed loop, beside textbook and floor',
  quick: true,
  run: async (bench) => {
    const plain = bench.asked.arms === undefined && bench.asked.connections === undefined;
    const measured = await measureArms(bench);
    const wakeUp = plain && !bench.quick ? await measureWakeUp(bench) : undefined;
    return resultOf(bench, measured, wakeUp);
  },
};

function armsAsked({ quick, asked }: Bench): Arm[] {
  const names = asked.arms ?? (quick ? QUICK_USUAL : USUAL);
  const named = names.map((name) => {
    const arm = ARMS.find((each) => each.name === name);
    if (!arm) throw new Error(`there is no arm ${name}; there are ${ARMS.map((each) => each.name).join(', ')}`);
    return arm;
  });
  return [...named, ...asked.builds.map(({ name, folder }) => serviceArm(name, folder))];
}

async function measureArms(bench: Bench): Promise<Measured[]> {
  const { quick, asked, tell } = bench;
  await using ends = new AsyncDisposableStack();
  const servers: CreateServer[] = [];
  for (const arm of armsAsked(bench)) servers.push(await startWarm(bench, arm, ends));
  const { seconds, ...plan } = quick ? QUICK : LONG;
  const measured: Measured[] = [];
  for (const connections of asked.connections ?? (quick ? QUICK_CONNECTIONS : CONNECTIONS)) {
    tell(`create, ${connections} connections`);
    const few = quick && connections === ALONE && asked.arms === undefined;
    const arms = servers
      .filter(({ arm }) => !few || QUICK_ALONE.includes(arm.name))
      .map((server) => server.measuring(connections, asked.seconds ?? seconds));
    const rounds = await measureRounds(bench, arms, { ...plan, ...rounded(asked.rounds) });
    measured.push({ connections, rounds });
  }
  return measured;
}

/** The service with somebody who listens as a relay does, beside one that says nothing. */
async function measureWakeUp(bench: Bench): Promise<Rounds> {
  bench.tell('create, with and without waking a relay');
  await using ends = new AsyncDisposableStack();
  const told = await startWarm(bench, serviceArm('ours-told'), ends);
  const silent = await startWarm(bench, SILENT, ends);
  const listener = ends.adopt(new pg.Client(told.databaseUrl), (it) => it.end());
  await listener.connect();
  await listener.query('LISTEN agreement_outbox');
  const arms = [told, silent].map((server) => server.measuring(MAIN, WAKE_UP.seconds));
  return await measureRounds(bench, arms, { ...WAKE_UP, ...rounded(bench.asked.rounds) });
}

async function startWarm(bench: Bench, arm: Arm, ends: AsyncDisposableStack): Promise<CreateServer> {
  const server = ends.adopt(await CreateServer.start(bench, arm), (it) => it.stop());
  bench.tell(`warming ${arm.name} up`);
  await server.warmUp();
  return server;
}

function rounded(rounds: number | undefined): { rounds?: number } {
  return rounds === undefined ? {} : { rounds };
}

function resultOf(bench: Bench, measured: readonly Measured[], wakeUp: Rounds | undefined): Result {
  const all = [...measured.map(({ rounds }) => rounds), ...(wakeUp ? [wakeUp] : [])];
  const figures = measured.flatMap(({ connections, rounds }) => figuresOf(rounds, CREATE_FIGURES, at(connections)));
  return {
    rounds: { kept: sum(all.map(({ kept }) => kept.length)), dropped: sum(all.map(({ dropped }) => dropped.length)) },
    noisy: all.some(({ noisy }) => noisy),
    figures: [...figures, ...(wakeUp ? figuresOf(wakeUp, CREATE_FIGURES, at(MAIN)) : [])],
    comparisons: [...measured.flatMap(comparisonsOf), ...(wakeUp ? [lostToWakeUp(wakeUp)] : [])],
    charts: bench.quick ? [] : chartsOf(figures),
    notes: NOTES,
  };
}

const NOTES = [
  'After each arm and round its rows are counted: acknowledged = one row in each of its tables. Ours writes agreement, history, event and the row that limits count; the floors write the first three; textbook agreement and event.',
  'Ours checks every limit with each create, none of which refuses; `ours-keyed` sends an Idempotency-Key with each and stores its answer. The floors know neither.',
  'floor-batched gathers what arrives in one turn of the event loop into one statement, at most 200 rows, two under way. The bare ones check no key and log nothing: the limit of Fastify, pg and this machine.',
  "Lost to waking the relay: the service with a connection that listens as the relay's does, beside the same build whose `OutboxSignal.notify` does nothing. No relay works meanwhile, so that its own work is not counted.",
];

/** Each comparison that the arms allow; those without a target are there to be looked at. */
function comparisonsOf({ connections, rounds }: Measured): Comparison[] {
  const ratio = (target: Target, under: string, figure: keyof typeof CREATE_FIGURES, over = 'ours'): Comparison[] => {
    const values = ratiosOf(rounds, over, under, figure);
    return values.length === 0 ? [] : [compared(target, values, at(connections))];
  };
  const looked = (name: string, better: 'higher' | 'lower'): Target => {
    return { name, better, unit: '×', gate: null, stretch: null };
  };
  const { createToTextbook, createToFloor, createToBatchedFloor, createLatencyToFloor } = TARGETS;
  const judged = connections === MAIN;
  const only = (target: Target): Target => (judged ? target : looked(target.name, target.better));
  const arms = Object.keys(rounds.used[0]?.arms ?? {});
  const named = ['ours', 'textbook', 'floor', 'floor-batched', 'floor-bare', 'floor-batched-bare'];
  return [
    ...ratio(only(createToTextbook), 'textbook', 'perSecond'),
    ...ratio(only(createToFloor), 'floor', 'perSecond'),
    ...ratio(only(createToBatchedFloor), 'floor-batched', 'perSecond'),
    ...ratio(looked('create ÷ floor-batched-bare', 'higher'), 'floor-batched-bare', 'perSecond'),
    ...(connections === ALONE ? ratio(createLatencyToFloor, 'floor', 'p50') : []),
    ...(judged ? ratio(looked("server's CPU per create ÷ floor-batched", 'lower'), 'floor-batched', 'serverCpu') : []),
    ...arms
      .filter((arm) => !named.includes(arm))
      .flatMap((arm) => ratio(looked(`create ÷ ${arm}`, 'higher'), arm, 'perSecond')),
  ];
}

function lostToWakeUp(rounds: Rounds): Comparison {
  const ratios = ratiosOf(rounds, 'ours-told', SILENT.name, 'perSecond');
  return compared(
    TARGETS.createLostToWakeUp,
    ratios.map((ratio) => (1 - ratio) * 100),
    at(MAIN),
  );
}

function chartsOf(figures: readonly Figure[]): Chart[] {
  const arms = [...new Set(figures.map(({ arm }) => arm))];
  const places = [...new Set(figures.map((figure) => figure.at))];
  const lines = (file: string, title: string, name: string, unit: string): Chart => ({
    ...{ file, title, kind: 'lines', unit },
    categories: places.map((place) => place ?? ''),
    series: arms.map((arm) => ({ name: arm, values: places.map((place) => medianOf(figures, arm, name, place)) })),
  });
  return [
    lines('create-rate', 'Creates per second, by connections', CREATE_FIGURES.perSecond.name, 'per second'),
    { ...lines('create-p99', 'Latency of a create, p99, by connections', 'p99', 'ms'), logarithmic: true },
  ];
}

function medianOf(figures: readonly Figure[], arm: string, name: string, place: string | undefined): number | null {
  return figures.find((each) => each.arm === arm && each.name === name && each.at === place)?.median ?? null;
}

function at(connections: number): string {
  return connections === 1 ? '1 connection' : `${connections} connections`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
