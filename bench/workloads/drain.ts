import { BenchKafka } from '../kafka.js';
import { figuresOf, type MeasuredArm, measureRounds, ratiosOf, type Rounds, valuesOf } from '../rounds.js';
import { spreadOf } from '../statistics.js';
import { compared, type Target, TARGETS } from '../targets.js';
import type { Bench, Chart, Comparison, Result, Workload } from '../workload.js';
import type { Template } from './drain/backlog.js';
import { PeerProcess } from './drain/peer.js';
import { type Circumstances, type Drain, drain as drainOnce, type Relay } from './drain/relay.js';
import { startRelay } from './drain/start-relay.js';

const ROWS = 50_000;
const QUICK_ROWS = 20_000;
const MANY_ROWS = 100_000;
/** Seconds of rounds. */
const BUDGET = 900;
const QUICK_BUDGET = 30;
/** Of creates, in each drain while creating: about as long as the drain. */
const CREATE_SHARE = 1.1;
const FEW_CREATES = 2_000;

const OURS = 'ours';
const MANY = 'ours, 10⁵ of backlog';
const HELD = 'ours under a held snapshot';
const HELD_BY_WRITER = 'ours under a snapshot of a writer';
const CREATING = 'ours while creating';
const GRAPHILE = 'graphile-worker in batches';
const KAFKAJS = 'kafkajs';

/** Jobs for each peer: so many that it is at work for a second or two. */
const PEERS: Readonly<Record<string, number>> = {
  [GRAPHILE]: ROWS,
  'graphile-worker': 1_000,
  'pg-boss': ROWS,
  'pg-transactional-outbox': 300,
  [KAFKAJS]: ROWS,
};

const NAMES = {
  perSecond: { name: 'events per second', unit: 'per second' },
  serverCpu: { name: "server's CPU per event", unit: 'µs' },
  postgresCpu: { name: "PostgreSQL's CPU per event", unit: 'µs' },
  brokerCpu: { name: "broker's CPU per event", unit: 'µs' },
  creates: { name: 'creates per second meanwhile, 8 connections', unit: 'per second' },
} as const;

/** A backlog goes to a real broker. */
export const drain: Workload = {
  name: 'drain',
  title: 'A backlog of the outbox goes to a real broker',
  quick: true,
  run,
};

async function run(bench: Bench): Promise<Result> {
  await using ends = new AsyncDisposableStack();
  const kafka = ends.adopt(await BenchKafka.start(bench.cores?.others), (it) => it.stop());
  const relay = await startRelay(bench, kafka, ends, 'drain');
  const arms: readonly MeasuredArm[] = [
    ...oursOf(bench, relay, kafka),
    ...(await startPeers(bench, kafka, relay.template, ends)),
  ];
  bench.tell('warming up');
  for (const arm of arms) await arm.measure();
  const rounds = await measureRounds(bench, arms, { budget: bench.quick ? QUICK_BUDGET : BUDGET, rounds: 5 });
  return resultOf(bench, rounds);
}

function oursOf(bench: Bench, relay: Relay, kafka: BenchKafka): MeasuredArm[] {
  const place = { kafka, generator: bench.generator, postgres: bench.postgres.pid };
  const once = (circumstances: Circumstances): Promise<Drain> => drainOnce(relay, place, circumstances);
  if (bench.quick) return [{ name: OURS, measure: () => once({ rows: QUICK_ROWS }) }];
  let creates = FEW_CREATES;
  const whileCreating = async (): Promise<Drain> => {
    const result = await once({ rows: ROWS, creates });
    creates = Math.ceil((ROWS / result.perSecond) * result.creates * CREATE_SHARE);
    return result;
  };
  return [
    { name: OURS, measure: () => once({ rows: ROWS }) },
    { name: HELD, measure: () => once({ rows: ROWS, snapshot: 'reader' }) },
    { name: HELD_BY_WRITER, measure: () => once({ rows: ROWS, snapshot: 'writer' }) },
    { name: MANY, measure: () => once({ rows: MANY_ROWS }) },
    { name: CREATING, measure: whileCreating },
  ];
}

async function startPeers(
  { quick, cores, postgres }: Bench,
  kafka: BenchKafka,
  template: Template,
  ends: AsyncDisposableStack,
): Promise<MeasuredArm[]> {
  const arms: MeasuredArm[] = [];
  for (const [peer, rows] of Object.entries(quick ? { [GRAPHILE]: QUICK_ROWS } : PEERS)) {
    const databaseUrl = await postgres.createDatabase(`bench_drain_${peer.replaceAll(/\W/g, '_')}`);
    const topic = `drain-${peer.replaceAll(/\W/g, '-')}`;
    await kafka.createTopics(topic);
    const settings = { peer, databaseUrl, template, topic, brokers: kafka.brokers };
    const process = ends.adopt(await PeerProcess.start(settings, cores?.server), (it) => it.stop());
    const measure = async () => {
      await kafka.empty(topic);
      const result = await process.drain(rows, postgres.pid);
      const sent = await kafka.count(topic);
      if (sent !== (peer === KAFKAJS ? rows : 0)) throw new Error(`void: ${peer} has sent ${sent} messages`);
      return result;
    };
    arms.push({ name: peer, measure });
  }
  return arms;
}

function resultOf({ quick }: Bench, rounds: Rounds): Result {
  return {
    rounds: { kept: rounds.kept.length, dropped: rounds.dropped.length },
    noisy: rounds.noisy,
    figures: figuresOf(rounds, NAMES),
    comparisons: comparisonsOf(rounds),
    charts: quick ? [] : [chartOf(rounds)],
    notes: NOTES,
  };
}

const NOTES = [
  'Ours: 50 000 events as creates raise them, every eleventh the second one of its agreement, committed at once; timed from that ' +
    'commit until the last one is acknowledged by the broker and its row deleted. After each drain the outbox is empty and the ' +
    'topic is read: every event once, unchanged, each key in order, none lost.',
  'The broker is a real Kafka of one node; it, PostgreSQL and whoever creates share one core, the relay has the other, and with it the ' +
    'api process while creating. The topic has 6 partitions.',
  'Under a held snapshot: a REPEATABLE READ transaction that reads (a report, a dump) is open from before the backlog until it is gone, so ' +
    'nothing deleted can be cleared away. Of a writer: it has an id, and might yet commit an event of a lower number, so the relay ' +
    'reads over what is deleted again and again.',
  'graphile-worker: a task that does nothing, without a log. In batches: as its documentation measures itself (24 at once, local ' +
    'queue of 500, completions in batches without delay); else by its defaults (one at a time), with 1 000 jobs.',
  'pg-boss: fetch and complete in batches of 1 000 by one caller that does nothing else, without the pause of 2 s that its ' +
    'workers make by default; completed jobs stay in its table.',
  'pg-transactional-outbox: its polling listener by its defaults (5 messages at a time, a transaction for each, a handler that does ' +
    'nothing), with 300 messages.',
  'kafkajs alone: 500 of our messages for each send, all made before; no database. It is what kafkajs can do, not what is reached by others.',
];

function comparisonsOf(rounds: Rounds): Comparison[] {
  const seen = (name: string, better: Target['better'] = 'higher'): Target => {
    return { name, better, unit: '×', gate: null, stretch: null };
  };
  const rows: readonly (readonly [Target, string, string, keyof typeof NAMES])[] = [
    [TARGETS.drainToGraphile, OURS, GRAPHILE, 'perSecond'],
    [TARGETS.drainUnderSnapshot, HELD, OURS, 'perSecond'],
    [seen('drain under a snapshot of a writer ÷ drain'), HELD_BY_WRITER, OURS, 'perSecond'],
    [seen("relay's CPU per event ÷ graphile-worker in batches", 'lower'), OURS, GRAPHILE, 'serverCpu'],
    [seen('drain with 10⁵ of backlog ÷ drain'), MANY, OURS, 'perSecond'],
    [seen('drain while creating ÷ drain'), CREATING, OURS, 'perSecond'],
    [seen('drain ÷ kafkajs alone'), OURS, KAFKAJS, 'perSecond'],
    [seen('relay to a real broker ÷ pg-boss'), OURS, 'pg-boss', 'perSecond'],
  ];
  const ratios = rows.flatMap(([target, over, under, figure]) => {
    const values = ratiosOf(rounds, over, under, figure);
    return values.length === 0 ? [] : [compared(target, values)];
  });
  // Whatever was lost has ended the run.
  return [...ratios, compared(TARGETS.lostEvents, [0])];
}

function chartOf(rounds: Rounds): Chart {
  const arms = Object.keys(rounds.used[0]?.arms ?? {});
  return {
    ...{ file: 'drain', title: 'A backlog is worked off: events or jobs per second', kind: 'bars', unit: 'per second' },
    logarithmic: true,
    categories: arms,
    series: [{ name: 'per second', values: arms.map((arm) => spreadOf(valuesOf(rounds, arm, 'perSecond')).median) }],
  };
}
