import type { Arm } from './arms.js';
import type { LoadGenerator, LoadResult } from './load.js';
import { type Pids, startCpuMeter, untilCalm } from './machine.js';
import { type BenchPostgres, clear, countRows } from './postgres.js';
import type { Server } from './processes.js';
import { spreadOf } from './statistics.js';

/** An arm that is up. */
export interface RunningArm {
  readonly arm: Arm;
  readonly server: Server;
  readonly databaseUrl: string;
}

/** How one arm fared in one round; nulls where the system does not tell. */
export type Measurement = LoadResult & {
  /** Microseconds of CPU for each create. */
  readonly serverCpu: number | null;
  readonly postgresCpu: number | null;
  readonly loadCpu: number | null;
  /** The share of the machine that something else used meanwhile, 0 to 1. */
  readonly foreign: number | null;
};

/** How fast the machine was just before or after a round. */
interface Canary {
  readonly http: number;
  readonly database: number;
}

/** One pass over all arms. */
export interface Round {
  readonly arms: Readonly<Record<string, Measurement>>;
  readonly canaries: readonly [Canary, Canary];
}

export interface Rounds {
  readonly kept: readonly Round[];
  readonly dropped: readonly Round[];
}

export interface Plan {
  /** In the order of the table; the first one is compared with each of the others. */
  readonly arms: readonly string[];
  readonly connections: number;
  /** So many undisturbed rounds are wanted, */
  readonly rounds: number;
  /** but none is begun after so many seconds. */
  readonly budget: number;
  /** So many seconds each arm waits in each round for others to be done with their work. */
  readonly patience: number;
  /** Seconds of load on each arm in each round. */
  readonly seconds: number;
}

/** What is started once and used by every round. */
export interface Bench {
  readonly arms: readonly RunningArm[];
  readonly canary: Server;
  readonly generator: LoadGenerator;
  readonly postgres: BenchPostgres;
  readonly key: string;
}

/** A round counts where no canary was further than this from the usual, */
const DRIFT = 0.1;
/** and where no arm had to share more than this of the machine with others. */
const FOREIGN = 0.1;
const PING_MS = 400;
const CANARY_CONNECTIONS = 8;
const CANARY_REQUESTS = 25_000;
const WARM_UP_REQUESTS = 6_000;
const TRIES = 3;

/**
 * Measures all arms in turn, A B C, C B A, …, until enough rounds were undisturbed.
 * @throws where an arm has not stored exactly what it acknowledged: then nothing of the run is worth anything
 */
export async function measure(bench: Bench, plan: Plan, tell: (text: string) => void): Promise<Rounds> {
  const deadline = performance.now() + plan.budget * 1000;
  const rates = await warmUp(bench, plan.connections);
  const rounds: Round[] = [];
  while (performance.now() < deadline && undisturbed(rounds).kept.length < plan.rounds) {
    const before = await askCanaries(bench);
    const arms: Record<string, Measurement> = {};
    for (const running of rounds.length % 2 === 0 ? bench.arms : bench.arms.toReversed()) {
      const { name } = running.arm;
      const amount = Math.ceil(Math.max(rates.get(name) ?? 0, plan.connections) * plan.seconds);
      const result = await measureAlone(bench, running, plan, amount);
      arms[name] = result;
      rates.set(name, result.perSecond);
    }
    const after = await askCanaries(bench);
    rounds.push({ arms, canaries: [before, after] });
    tell(`round ${rounds.length}: ${inWords(arms)}; canaries ${Math.round(after.http)}, ${Math.round(after.database)}`);
  }
  return undisturbed(rounds);
}

/** @returns how much each arm does in a second, roughly */
async function warmUp(bench: Bench, connections: number): Promise<Map<string, number>> {
  const rates = new Map<string, number>();
  await askCanaries(bench);
  for (const running of bench.arms) {
    await measureArm(bench, running, connections, WARM_UP_REQUESTS);
    const { perSecond } = await measureArm(bench, running, connections, WARM_UP_REQUESTS);
    rates.set(running.arm.name, perSecond);
  }
  return rates;
}

/** Once where nobody disturbs it, else a few times, and then the last one counts: the round is dropped for it later. */
async function measureAlone(bench: Bench, running: RunningArm, plan: Plan, amount: number): Promise<Measurement> {
  for (let tries = 1; ; tries += 1) {
    await untilCalm(pidsOf(bench, running.server), plan.patience * 1000);
    const result = await measureArm(bench, running, plan.connections, amount);
    if (tries === TRIES || (result.foreign ?? 0) <= FOREIGN) return result;
  }
}

async function measureArm(
  bench: Bench,
  running: RunningArm,
  connections: number,
  amount: number,
): Promise<Measurement> {
  const { arm, server, databaseUrl } = running;
  const { generator, key } = bench;
  await clear(databaseUrl, arm.tables);
  const stop = await startCpuMeter(pidsOf(bench, server));
  const result = await generator.load({ url: `${server.url}/v1/agreement`, key, connections, amount });
  const use = await stop();
  await mustHaveStored(running, result);
  const each = (milliseconds: number | undefined): number | null =>
    milliseconds === undefined ? null : (milliseconds * 1000) / amount;
  return {
    ...result,
    serverCpu: each(use?.server),
    postgresCpu: each(use?.postgres),
    loadCpu: each(use?.load),
    foreign: use?.foreign ?? null,
  };
}

function pidsOf({ postgres, generator }: Bench, server: Server): Pids {
  return { server: server.pid, postgres: postgres.pid, load: generator.pid };
}

/** Every request acknowledged, and every acknowledged one in each table once. */
async function mustHaveStored({ arm, databaseUrl }: RunningArm, result: LoadResult): Promise<void> {
  const { requests, acknowledged, statuses } = result;
  const counts = await countRows(databaseUrl, arm.tables);
  if (acknowledged === requests && Object.values(counts).every((rows) => rows === acknowledged)) return;
  const list = (numbers: object): string => JSON.stringify(numbers).replaceAll('"', '');
  throw new Error(`void: ${arm.name} got ${requests} requests, answered ${list(statuses)}, stored ${list(counts)}`);
}

async function askCanaries({ canary, generator, arms, key }: Bench): Promise<Canary> {
  const http = { url: canary.url, key, connections: CANARY_CONNECTIONS, amount: CANARY_REQUESTS };
  const { perSecond } = await generator.load(http);
  const ping = await generator.ping({ databaseUrl: arms[0]?.databaseUrl ?? '', milliseconds: PING_MS });
  return { http: perSecond, database: ping.perSecond };
}

/**
 * Judged anew after each round, because only many canaries together tell what is usual: those of the rounds in which
 * nobody else was seen to work.
 */
function undisturbed(rounds: readonly Round[]): Rounds {
  const alone = rounds.filter(({ arms }) => Object.values(arms).every(({ foreign }) => (foreign ?? 0) <= FOREIGN));
  if (alone.length === 0) return { kept: [], dropped: rounds };
  const all = alone.flatMap(({ canaries }) => canaries);
  const http = spreadOf(all.map((canary) => canary.http)).median;
  const database = spreadOf(all.map((canary) => canary.database)).median;
  const kept = alone.filter(({ canaries }) =>
    canaries.every((canary) => near(canary.http, http) && near(canary.database, database)),
  );
  return { kept, dropped: rounds.filter((round) => !kept.includes(round)) };
}

function near(value: number, usual: number): boolean {
  return Math.abs(value / usual - 1) <= DRIFT;
}

function inWords(arms: Readonly<Record<string, Measurement>>): string {
  return Object.entries(arms)
    .map(([name, { perSecond, foreign }]) => `${name} ${Math.round(perSecond)}/s${others(foreign)}`)
    .join(', ');
}

function others(foreign: number | null): string {
  return foreign === null ? '' : ` (others ${Math.round(foreign * 100)} %)`;
}
