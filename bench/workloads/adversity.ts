import { BenchKafka } from '../kafka.js';
import { valuesOf } from '../rounds.js';
import { spreadOf } from '../statistics.js';
import { compared, type Target, TARGETS } from '../targets.js';
import type { Bench, Comparison, Figure, Result, Workload } from '../workload.js';
import { AWAY_SECONDS, type BrokerAway, CONNECTIONS, whileBrokerIsAway } from './adversity/broker-away.js';
import { CREATE_CONNECTIONS, HELD_SECONDS, type HeldSnapshot, underHeldSnapshot } from './adversity/held-snapshot.js';
import { KILLS, type LeaderKilled, whereLeaderIsKilled } from './adversity/leader-killed.js';
import { startRelay } from './drain/start-relay.js';

/** What else goes on, or breaks, while creates are made and published. */
export const adversity: Workload = {
  name: 'adversity',
  title: 'A snapshot held, the broker away, the leading relay killed',
  quick: false,
  run,
};

async function run(bench: Bench): Promise<Result> {
  await using ends = new AsyncDisposableStack();
  const kafka = ends.adopt(await BenchKafka.start(bench.cores?.others), (it) => it.stop());
  const relay = await startRelay(bench, kafka, ends, 'adversity');
  const snapshot = await underHeldSnapshot(bench, relay, kafka);
  const broker = await whileBrokerIsAway(bench, relay, kafka);
  const leader = await whereLeaderIsKilled(bench, relay, kafka, CREATE_CONNECTIONS);
  const { clean, held } = snapshot;
  return {
    rounds: {
      kept: clean.kept.length + held.kept.length,
      dropped: clean.dropped.length + held.dropped.length,
    },
    noisy: clean.noisy || held.noisy,
    figures: [...snapshotFigures(snapshot), ...brokerFigures(broker), ...leaderFigures(leader)],
    comparisons: [...snapshotComparisons(snapshot), ...brokerComparisons(broker), ...leaderComparisons(leader)],
    charts: [],
    notes: NOTES,
  };
}

const NOTES = [
  `A REPEATABLE READ transaction with an id is open for ${HELD_SECONDS} s, in which a closed loop of ${CREATE_CONNECTIONS} connections creates and a relay publishes to a real broker; then, with it still open and nothing cleared away, 50 000 events are drained again and again. Each such drain ÷ the median of the same drains on emptied tables, before.`,
  `The broker is killed and started again ${AWAY_SECONDS} s later, on its data, under a closed loop of ${CONNECTIONS} connections, taken in portions of two seconds. While it is away the relay, which has a core together with the process that creates, has nothing to do. The seconds until nothing is left count from when the broker answers.`,
  `The relay that leads is killed (SIGKILL) ${KILLS} times, under a closed loop of ${CREATE_CONNECTIONS} connections, while another one stands by; without publishing: the longest time in which the topic did not grow, looked at every 10 ms.`,
  'After each of them: every create acknowledged, each one stored once in each of its tables, the outbox empty, and the whole topic read: one event for each agreement, none lost, none unknown; messages that repeat one that was there before are counted.',
];

const CLEAN = 'drain';
const HELD = 'drain under a held snapshot';
const CREATES = 'creates under a held snapshot';
const BEFORE = 'creates before';
const AWAY = 'creates while the broker is away';
const KILLED = 'leading relay killed';

const figure = (arm: string, name: string, unit: Figure['unit'], values: readonly number[]): Figure => {
  return { arm, name, unit, ...spreadOf(values) };
};
const repeated = (arm: string, values: readonly number[]): Figure => figure(arm, 'repeated messages', '', values);

function snapshotFigures({ clean, held, created, repeats, dead }: HeldSnapshot): Figure[] {
  return [
    figure(CLEAN, 'per second', 'per second', valuesOf(clean, 'clean', 'perSecond')),
    figure(HELD, 'per second', 'per second', valuesOf(held, 'held', 'perSecond')),
    figure(HELD, 'dead rows in the outbox', 'rows', [dead]),
    figure(CREATES, 'per second', 'per second', created.perSecond),
    figure(CREATES, 'p99', 'ms', created.p99),
    repeated(CREATES, [repeats]),
  ];
}

function brokerFigures({ before, away, backlog, drainedAfter, repeats }: BrokerAway): Figure[] {
  return [
    figure(BEFORE, 'per second', 'per second', before.perSecond),
    figure(BEFORE, 'p99', 'ms', before.p99),
    figure(AWAY, 'per second', 'per second', away.perSecond),
    figure(AWAY, 'p99', 'ms', away.p99),
    figure(AWAY, 'backlog', 'rows', [backlog]),
    figure(AWAY, 'backlog drained after', 's', [drainedAfter]),
    repeated(AWAY, [repeats]),
  ];
}

function leaderFigures({ silent, repeats }: LeaderKilled): Figure[] {
  return [figure(KILLED, 'without publishing', 's', silent), repeated(KILLED, repeats)];
}

const seen = (name: string, better: Target['better'], unit: Target['unit'] = '×'): Target => {
  return { name, better, unit, gate: null, stretch: null };
};
const per = (values: readonly number[], whole: readonly number[]): number[] => {
  const { median } = spreadOf(whole);
  return values.map((value) => value / median);
};

function snapshotComparisons({ clean, held, created }: HeldSnapshot): Comparison[] {
  const [drains, usual] = [valuesOf(held, 'held', 'perSecond'), valuesOf(clean, 'clean', 'perSecond')];
  const some = Math.ceil(created.perSecond.length / 6);
  const at = `held for ${HELD_SECONDS / 60} minutes`;
  return [
    compared(TARGETS.drainUnderSnapshot, per(drains, usual), at),
    compared(
      seen('creates in the last half minute ÷ in the first', 'higher'),
      per(created.perSecond.slice(-some), created.perSecond.slice(0, some)),
      at,
    ),
    compared(TARGETS.lostEvents, [0], at),
  ];
}

function brokerComparisons({ before, away, drainedAfter }: BrokerAway): Comparison[] {
  const at = `broker away for ${AWAY_SECONDS} s`;
  return [
    compared(seen('creates ÷ before', 'higher'), per(away.perSecond, before.perSecond), at),
    compared(seen('p99 of a create ÷ before', 'lower'), per(away.p99, before.p99), at),
    compared(seen('backlog drained after', 'lower', 's'), [drainedAfter], at),
    compared(TARGETS.lostEvents, [0], at),
  ];
}

function leaderComparisons({ silent }: LeaderKilled): Comparison[] {
  const at = 'leading relay killed';
  return [compared(seen('without publishing', 'lower', 's'), silent, at), compared(TARGETS.lostEvents, [0], at)];
}
