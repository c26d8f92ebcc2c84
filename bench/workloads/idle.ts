import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type Arm, ARMS, KEY, serviceArm, serviceCommand } from '../arms.js';
import { BenchKafka } from '../kafka.js';
import { residentMegabytes, startCpuMeter } from '../machine.js';
import { Server } from '../processes.js';
import { figuresOf, measureRounds, type Rounds, valuesOf } from '../rounds.js';
import { compared, TARGETS } from '../targets.js';
import type { Bench, Comparison, Figure, Result, Workload } from '../workload.js';

const ROLES = ['api', 'relay', 'worker'];
const ALL = 'api, relay and worker in one';
const BESIDE = ['textbook', 'floor'];
/** Each round starts every arm once. */
const PLAN = { rounds: 5, budget: 60, patience: 0 };
/** Seconds. */
const SETTLED = 20;
const WATCHED = 20;
/** Milliseconds. */
const LOOK_EVERY = 50;
const ENDED_WITHIN = 10_000;

const STARTED = { start: { name: 'start → ready', unit: 's' } } as const;
const IDLE = {
  memory: { name: `resident memory, ${SETTLED} s later`, unit: 'MB' },
  statements: { name: 'statements per second', unit: 'per second' },
  cpu: { name: 'CPU per second', unit: 'ms' },
} as const satisfies Record<string, Pick<Figure, 'name' | 'unit'>>;

/** What a program is like when it has nothing to do. */
type Idleness = Readonly<Record<keyof typeof IDLE, number>>;

/** Start, and then nothing to do. */
export const idle: Workload = {
  name: 'idle',
  title: 'Start, and then nothing to do, beside textbook and floor',
  quick: false,
  run,
};

async function run(bench: Bench): Promise<Result> {
  await using ends = new AsyncDisposableStack();
  const kafka = ends.adopt(await BenchKafka.start(bench.cores?.others), (it) => it.stop());
  const arms: IdleArm[] = [];
  for (const arm of await armsOn(kafka)) arms.push(await IdleArm.prepare(bench, arm));
  const starts = arms.map((arm) => ({ name: arm.name, measure: () => arm.startOnce() }));
  bench.tell('starting each once, so that its files are in memory');
  for (const arm of arms) await arm.startOnce();
  const rounds = await measureRounds(bench, starts, PLAN);
  const idleness = await watch(bench, arms);
  return {
    rounds: { kept: rounds.kept.length, dropped: rounds.dropped.length },
    noisy: rounds.noisy,
    figures: [...figuresOf(rounds, STARTED), ...[...idleness].flatMap(([name, values]) => idleFigures(name, values))],
    comparisons: ROLES.flatMap((role) => comparisonsOf(role, rounds, idleness.get(nameOf(role)))),
    charts: [],
    notes: NOTES,
  };
}

const NOTES = [
  'One process for each role, and one for all, with NODE_ENV=production, a migrated PostgreSQL and a real broker; from spawn until GET /health/ready answers 200, which every role serves on its PORT; asked every 50 ms, files in memory, not bound to a core.',
  `Then all of them at once, each on a database of its own, twice: ended after ${SETTLED} s, and after ${WATCHED} s more. Statements are the transactions that PostgreSQL has counted for the longer life less those for the shorter one, because it counts those of a session that touch no table only when the session ends. The CPU is counted in steps of 10 ms.`,
  'What is done once a minute may fall outside of what is watched.',
  'Textbook looks for events to publish twice a second; floor has nothing to do but to answer.',
];

const nameOf = (roles: string): string => `ours, ${roles}`;

async function armsOn(kafka: BenchKafka): Promise<Arm[]> {
  const ours = [...ROLES.map((role) => [role, role] as const), [ALL, ROLES.join(',')] as const];
  const secret = (): string => `idle:${randomBytes(32).toString('base64')}`;
  const settings = {
    ...{ NODE_ENV: 'production', SHUTDOWN_DELAY: '0', PHONE_COUNTRIES: 'RU', KAFKA_BROKERS: kafka.brokers },
    ...{ OTP_KEYS: secret(), CONTACT_KEYS: secret() },
    ...{ API_KEYS: `idle:${createHash('sha256').update(KEY).digest('hex')}` },
    ...{ SMS_PROVIDERS: 'http', SMS_HTTP_URL: 'https://sms.invalid/send' },
    SMS_HTTP_TOKEN: randomBytes(16).toString('hex'),
  };
  const topics = ours.map((_, index) => `idle-${index}`);
  await kafka.createTopics(...topics.flatMap((topic) => [topic, `${topic}-dead-letters`]));
  const arms = ours.map(([name, roles], index): Arm => {
    const topic = `idle-${index}`;
    const names = { KAFKA_TOPIC: topic, KAFKA_DLQ_TOPIC: `${topic}-dead-letters`, KAFKA_GROUP_ID: topic };
    const env = { ...settings, ...names, ROLES: roles };
    return { ...serviceArm(nameOf(name)), command: (port, url) => serviceCommand(port, url, env) };
  });
  return [...arms, ...ARMS.filter(({ name }) => BESIDE.includes(name))];
}

/** A program on a database of its own. */
class IdleArm {
  private constructor(
    private readonly arm: Arm,
    private readonly databaseUrl: string,
  ) {}

  static async prepare({ postgres }: Bench, arm: Arm): Promise<IdleArm> {
    const databaseUrl = await postgres.createDatabase(`bench_idle_${arm.name.replaceAll(/\W/g, '_')}`);
    await arm.prepare(databaseUrl);
    return new IdleArm(arm, databaseUrl);
  }

  get name(): string {
    return this.arm.name;
  }

  get database(): string {
    return new URL(this.databaseUrl).pathname.slice(1);
  }

  start(): Promise<Server> {
    const command = (port: number) => this.arm.command(port, this.databaseUrl);
    return Server.start(this.name, command, '/health/ready', undefined);
  }

  async startOnce(): Promise<Record<keyof typeof STARTED, number>> {
    const began = performance.now();
    const server = await this.start();
    const start = (performance.now() - began) / 1000;
    await server.stop();
    return { start };
  }

  /** Starts, has nothing to do for so many seconds, and ends. @returns what `look` gives behind that */
  async live<T>(seconds: number, signal: AbortSignal, look: (pid: number) => Promise<T>): Promise<T> {
    const server = await this.start();
    try {
      await delay(seconds * 1000, undefined, { signal });
      return await look(server.pid);
    } finally {
      await server.stop();
    }
  }
}

/**
 * Two lives of each, all at once; the second one is longer by the time that is watched. Statements are what the longer
 * one has more: PostgreSQL counts what a session did that touches no table, such as a beat, only when the session ends.
 */
async function watch({ postgres, signal, tell }: Bench, arms: readonly IdleArm[]): Promise<Map<string, Idleness>> {
  await using ends = new AsyncDisposableStack();
  const client = ends.adopt(new pg.Client(await postgres.createDatabase('bench_idle_watch')), (it) => it.end());
  await client.connect();
  const before = await commitsOf(client, arms);
  tell(`all at once: ${SETTLED} s of idleness`);
  await allOf(arms.map((arm) => arm.live(SETTLED, signal, () => Promise.resolve())));
  const between = await commitsOf(client, arms);
  tell(`and again, ${WATCHED} s longer`);
  const looks = await allOf(arms.map((arm) => arm.live(SETTLED, signal, (pid) => lookAt(pid, signal))));
  const after = await commitsOf(client, arms);
  const idleness = arms.map(({ name, database }, index): [string, Idleness] => {
    const [first = NaN, second = NaN, third = NaN] = [before, between, after].map((counts) => counts.get(database));
    const { memory = NaN, cpu = NaN } = looks[index] ?? {};
    return [name, { memory, statements: (third - second - (second - first)) / WATCHED, cpu }];
  });
  return new Map(idleness);
}

async function lookAt(pid: number, signal: AbortSignal): Promise<Omit<Idleness, 'statements'>> {
  const memory = await residentMegabytes(pid);
  const stop = await startCpuMeter({ pid });
  await delay(WATCHED * 1000, undefined, { signal });
  return { memory, cpu: ((await stop())?.pid ?? NaN) / WATCHED };
}

/** Waits for all of them, also where one fails, so that nothing is left running. */
async function allOf<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

/** Transactions so far, by database, when all of their sessions have ended and are counted. */
async function commitsOf(client: pg.Client, arms: readonly IdleArm[]): Promise<ReadonlyMap<string, number>> {
  const names = arms.map(({ database }) => database);
  const open = 'SELECT FROM pg_stat_activity WHERE datname = ANY ($1)';
  const deadline = performance.now() + ENDED_WITHIN;
  while (((await client.query(open, [names])).rowCount ?? 0) > 0) {
    if (performance.now() > deadline) throw new Error('void: sessions are open of processes that have ended');
    await delay(LOOK_EVERY);
  }
  const { rows } = await client.query<{ name: string; commits: number }>(
    'SELECT datname AS name, xact_commit::int AS commits FROM pg_stat_database WHERE datname = ANY ($1)',
    [names],
  );
  return new Map(rows.map(({ name, commits }) => [name, commits]));
}

function idleFigures(arm: string, values: Idleness): Figure[] {
  return Object.entries(IDLE).map(([figure, named]) => {
    const value = values[figure as keyof typeof IDLE];
    return { arm, ...named, median: value, low: value, high: value };
  });
}

function comparisonsOf(role: string, rounds: Rounds, idleness: Idleness | undefined): Comparison[] {
  return [
    compared(TARGETS.startToReady, valuesOf(rounds, nameOf(role), 'start'), role),
    compared(TARGETS.idleMemory, [idleness?.memory ?? NaN], role),
    compared(TARGETS.idleStatements, [idleness?.statements ?? NaN], role),
  ];
}
