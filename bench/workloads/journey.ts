import pg from 'pg';
import { type Arm, ARMS, KEY, serviceArm, serviceCommand } from '../arms.js';
import { UNFINISHED, untilNone } from '../finished.js';
import { BenchKafka } from '../kafka.js';
import { OpenLoopGenerator, type OpenLoopResult } from '../open-loop.js';
import { clear, countRows } from '../postgres.js';
import { Server } from '../processes.js';
import { BenchProvider } from '../provider.js';
import { requestBody } from '../requests.js';
import { figuresOf, type MeasuredArm, measureRounds, valuesOf } from '../rounds.js';
import { percentile } from '../statistics.js';
import { compared, TARGETS } from '../targets.js';
import type { Bench, Chart, Figure, Result, Workload } from '../workload.js';

/** Of what the slowest arm can create. */
const SHARES = [0.25, 0.5, 0.75];
const HALF = 0.5;
const SECONDS = 6;
const QUICK_SECONDS = 4;
/** The poller moves 100 events twice a second, so more would only show a backlog that grows. */
const TEXTBOOK_PER_SECOND = 100;
const TEXTBOOK = 'textbook with a 500 ms poller';
const CAPACITY_REQUESTS = 10_000;
const WARM_UP_REQUESTS = 5_000;
const CONNECTIONS = 128;
/** Milliseconds for the last texts. */
const PATIENCE = 60_000;
const BUDGET = { budget: 420, rounds: 5 };
const QUICK_BUDGET = { budget: 50, rounds: 2 };

const COUNTED = ['agreement', 'send'];
const TABLES = [...COUNTED, 'send_try', 'history', 'outbox', 'limit_entry'];

const FIGURES = {
  p50: { name: 'create → provider, p50', unit: 'ms' },
  p99: { name: 'create → provider, p99', unit: 'ms' },
  p999: { name: 'create → provider, p99.9', unit: 'ms' },
  answer: { name: 'create → answer, p99', unit: 'ms' },
  offered: { name: 'creates offered per second', unit: 'per second' },
  behind: { name: 'the generator itself was late by at most', unit: 'ms' },
} as const;

type Measured = Record<keyof typeof FIGURES, number>;

/** An open loop, from the moment a create is due to the call of the provider, over a real broker. */
export const journey: Workload = {
  name: 'journey',
  title: 'From a create that is due to the call of the provider, over a real broker',
  quick: false,
  run,
};

async function run(bench: Bench): Promise<Result> {
  await using ends = new AsyncDisposableStack();
  const { cores } = bench;
  const kafka = ends.adopt(await BenchKafka.start(cores?.others), (it) => it.stop());
  const open = ends.adopt(await OpenLoopGenerator.start(cores?.others), (it) => it.stop());
  const textbook = await startTextbook(bench, ends);
  const slowest = await capacityOf(bench, textbook.server);
  const ours = await startOurs(bench, kafka, ends);
  bench.tell(`textbook creates ${Math.round(slowest)} in a second; warming ours up`);
  await warmUp(bench, ours);
  const arms: MeasuredArm[] = [
    ...SHARES.map((share) => ({ name: nameOf(share), measure: () => journeyOf(bench, ours, open, slowest * share) })),
    { name: TEXTBOOK, measure: () => pollerOf(bench, textbook, open) },
  ];
  const rounds = await measureRounds(bench, arms, bench.quick ? QUICK_BUDGET : BUDGET);
  const figures = figuresOf(rounds, FIGURES);
  return {
    rounds: { kept: rounds.kept.length, dropped: rounds.dropped.length },
    noisy: rounds.noisy,
    figures,
    comparisons: [
      compared(TARGETS.createToProvider, valuesOf(rounds, nameOf(HALF), 'p99')),
      compared(
        TARGETS.lostEvents,
        rounds.used.map(() => 0),
        'create → provider',
      ),
    ],
    charts: [chartOf(figures)],
    notes: NOTES,
  };
}

const NOTES = [
  'Three processes of the service, one for each role, and Kafka with one broker. Times are those of one clock, from when a create was due (not from when it could be sent) to when the provider had its head; the loads are parts of what textbook creates in a closed loop in the same run.',
  'Counted in each round: each create acknowledged, stored once, and one text for each person; a text that is missing or comes twice makes the run void, so none was lost.',
  `Textbook calls nobody: its time ends when the poller writes that it has published, before that commits, at ${TEXTBOOK_PER_SECOND} creates a second, because 100 events each 500 ms is all that its poller moves.`,
];

const nameOf = (share: number): string => `ours at ${share * 100} %`;

interface Ours {
  readonly api: Server;
  readonly databaseUrl: string;
  readonly provider: BenchProvider;
}

async function startOurs(bench: Bench, kafka: BenchKafka, ends: AsyncDisposableStack): Promise<Ours> {
  const { cores, postgres } = bench;
  const databaseUrl = await postgres.createDatabase('bench_journey');
  await serviceArm('journey').prepare(databaseUrl);
  const provider = ends.adopt(await BenchProvider.start(0, cores?.others), (it) => it.stop());
  const names = { KAFKA_TOPIC: 'journey', KAFKA_DLQ_TOPIC: 'journey-dead-letters', KAFKA_GROUP_ID: 'journey' };
  await kafka.createTopics(names.KAFKA_TOPIC, names.KAFKA_DLQ_TOPIC);
  const start = async (role: string): Promise<Server> => {
    const settings = { ROLES: role, KAFKA_BROKERS: kafka.brokers, ...names, ...provider.settings };
    const command = (port: number) => serviceCommand(port, databaseUrl, settings);
    return ends.adopt(await Server.start(`ours, ${role}`, command, '/health/ready', cores?.server), (it) => it.stop());
  };
  const [api] = [await start('api'), await start('relay'), await start('worker')];
  return { api, databaseUrl, provider };
}

/** A closed loop: it goes no faster than processes do that are not warm yet. */
async function warmUp({ generator }: Bench, { api, databaseUrl, provider }: Ours): Promise<void> {
  const order = { url: `${api.url}/v1/agreement`, key: KEY, connections: 8, keyed: false };
  const { acknowledged } = await generator.load({ ...order, amount: WARM_UP_REQUESTS });
  await provider.take(acknowledged, PATIENCE);
  await untilNone(databaseUrl, UNFINISHED);
}

async function journeyOf(
  bench: Bench,
  { api, databaseUrl, provider }: Ours,
  open: OpenLoopGenerator,
  perSecond: number,
): Promise<Measured> {
  await clear(databaseUrl, TABLES);
  const [first, result] = await offer(bench, api, open, perSecond);
  const created = acknowledgedOf(result);
  const arrivals = await provider.take(created, PATIENCE);
  await untilNone(databaseUrl, UNFINISHED);
  await mustHave(databaseUrl, COUNTED, created);
  const numbers = new Map(Array.from({ length: created }, (_, index) => [phoneOf(first + index), index]));
  const latencies = arrivals.to.map((phone, index) => {
    const number = numbers.get(phone) ?? NaN;
    return (arrivals.at[index] ?? NaN) - dueAt(result, number, perSecond);
  });
  return measuredOf(latencies, result, perSecond);
}

interface Textbook {
  readonly arm: Arm;
  readonly server: Server;
  readonly databaseUrl: string;
}

async function startTextbook(bench: Bench, ends: AsyncDisposableStack): Promise<Textbook> {
  const arm = ARMS.find(({ name }) => name === 'textbook');
  if (!arm) throw new Error('there is no arm textbook');
  const databaseUrl = await bench.postgres.createDatabase('bench_journey_textbook');
  const command = (port: number) => arm.command(port, databaseUrl);
  const server = await Server.start(arm.name, command, '/health/ready', bench.cores?.server);
  ends.adopt(server, (it) => it.stop());
  return { arm, server, databaseUrl };
}

async function capacityOf({ generator }: Bench, { url }: Server): Promise<number> {
  const order = { url: `${url}/v1/agreement`, key: KEY, connections: 32, keyed: false };
  await generator.load({ ...order, amount: WARM_UP_REQUESTS });
  return (await generator.load({ ...order, amount: CAPACITY_REQUESTS })).perSecond;
}

async function pollerOf(
  bench: Bench,
  { arm, server, databaseUrl }: Textbook,
  open: OpenLoopGenerator,
): Promise<Measured> {
  await clear(databaseUrl, arm.tables);
  // The poller writes the time of day.
  const offset = Date.now() - Number(process.hrtime.bigint()) / 1e6;
  const [first, result] = await offer(bench, server, open, TEXTBOOK_PER_SECOND);
  await mustHave(databaseUrl, arm.tables, acknowledgedOf(result));
  await untilNone(databaseUrl, 'SELECT FROM outbox WHERE published_at IS NULL LIMIT 1');
  const published = await publishedIn(databaseUrl);
  const latencies = published.map(
    ({ number, at }) => at.getTime() - offset - dueAt(result, number - first, TEXTBOOK_PER_SECOND),
  );
  return measuredOf(latencies, result, TEXTBOOK_PER_SECOND);
}

let requests = 70_000_000;

async function offer(
  { quick }: Bench,
  { url }: Server,
  open: OpenLoopGenerator,
  perSecond: number,
): Promise<[first: number, result: OpenLoopResult]> {
  const first = (requests += 50_000);
  const seconds = quick ? QUICK_SECONDS : SECONDS;
  const order = { first, perSecond, seconds, connections: CONNECTIONS, warm: CONNECTIONS };
  return [first, await open.offer({ url: `${url}/v1/agreement`, key: KEY, ...order })];
}

function measuredOf(latencies: number[], result: OpenLoopResult, perSecond: number): Measured {
  latencies.sort((a, b) => a - b);
  const [p50, p99, p999] = [50, 99, 99.9].map((percent) => percentile(latencies, percent)) as [number, number, number];
  return { p50, p99, p999, answer: result.statuses[201]?.p99 ?? NaN, offered: perSecond, behind: result.behind };
}

const phoneOf = (number: number): string => (JSON.parse(requestBody(number)) as { phone: string }).phone;

const dueAt = ({ began }: OpenLoopResult, index: number, perSecond: number): number =>
  began + (index / perSecond) * 1_000;

/** @throws where not every create was acknowledged */
function acknowledgedOf({ requests: asked, statuses }: OpenLoopResult): number {
  const created = statuses[201]?.count ?? 0;
  if (created === asked) return created;
  const answered = Object.entries(statuses).map(([status, { count }]) => `${status}: ${count}`);
  throw new Error(`void: of ${asked} creates at less than the load that it takes, ${answered.join(', ')}`);
}

async function mustHave(databaseUrl: string, tables: readonly string[], created: number): Promise<void> {
  const counts = await countRows(databaseUrl, tables);
  if (Object.values(counts).every((rows) => rows === created)) return;
  throw new Error(`void: ${created} creates were acknowledged, stored ${JSON.stringify(counts)}`);
}

/** Which create each event of textbook is of, and when its poller published it. */
async function publishedIn(databaseUrl: string): Promise<{ number: number; at: Date }[]> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const text = `SELECT (payload -> 'metadata' ->> 'order')::int AS number, published_at AS at FROM outbox`;
    return (await client.query<{ number: number; at: Date }>(text)).rows;
  } finally {
    await client.end();
  }
}

function chartOf(figures: readonly Figure[]): Chart {
  const arms = [...SHARES.map(nameOf), TEXTBOOK];
  const names = [FIGURES.p50, FIGURES.p99, FIGURES.p999].map(({ name }) => name);
  const values = (name: string): (number | null)[] =>
    arms.map((arm) => figures.find((figure) => figure.arm === arm && figure.name === name)?.median ?? null);
  return {
    ...{ file: 'journey', title: 'From a create that is due to the call of the provider', kind: 'bars', unit: 'ms' },
    ...{ logarithmic: true, categories: arms },
    series: names.map((name) => ({ name: name.replace('create → provider, ', ''), values: values(name) })),
  };
}
