import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../support/until.js';
import { CALM, type Fault } from './faults.js';
import {
  check,
  type Evidence,
  type FaultTime,
  type Stored,
  type StoredSend,
  type StoredTry,
  type Verdict,
} from './invariants.js';
import { Load } from './load.js';
import type { Footprint } from './member.js';
import { Random } from './random.js';
import type { Chain } from './sms.js';
import { identified } from './texts.js';
import { World } from './world.js';

/** A run of the suite. Times in seconds. */
export interface Storm {
  readonly seed: number;
  /** Through whom the texts go. */
  readonly chain: Chain;
  /** Whether they say later what became of them. */
  readonly receipts: boolean;
  /** The `main.js` that is tried. */
  readonly program: string;
  /** Whether one process of each role lives through all of it, to see whether it grows. */
  readonly spares: boolean;
  /** Agreements a second. */
  readonly rate: number;
  /** What goes wrong, one after the other; `undefined` when the storm is over. */
  readonly next: (random: Random, elapsed: number) => Fault | undefined;
  /** From the beginning of one fault to that of the next, at least. */
  readonly every: number;
  /** How long after the last fault something may still be left to do. */
  readonly patience: number;
}

/** What came of it. */
export interface Outcome {
  readonly verdicts: readonly Verdict[];
  readonly faults: readonly FaultTime[];
  /** Answers to create by status; 0 for none. */
  readonly answers: ReadonlyMap<number, number>;
  readonly deadLetters: number;
  /** Seconds from the last fault until nothing was left to do. */
  readonly settled: number;
  readonly footprints: { readonly before: readonly Footprint[]; readonly after: readonly Footprint[] };
}

const WARM_UP = 3;
/** Milliseconds. */
const WEIGH_EVERY = 60_000;

/** Runs a whole deployment under load through faults, waits until it has come to rest, and looks at what is left. */
export async function run(storm: Storm, tell: (line: string) => void): Promise<Outcome> {
  const world = await World.start(storm.program, storm.spares, storm.chain, storm.receipts ? storm.seed : null);
  try {
    const load = new Load(world.of('api'), world.sms, new Random(storm.seed + 1));
    load.start(storm.rate);
    await delay(WARM_UP * 1000);
    const before = footprints(world);
    const faults = await harm(world, storm, tell);
    await load.finish(storm.patience * 1000);
    await world.sms.finish(storm.patience * 1000);
    const settled = await settles(world, storm.patience, tell);
    const evidence = await gather(world, load, faults);
    const deadLetters = evidence.deadLetters.length;
    const { answers } = load;
    return {
      verdicts: check(evidence),
      faults,
      answers,
      deadLetters,
      settled,
      footprints: { before, after: footprints(world) },
    };
  } finally {
    await world.stop();
  }
}

async function harm(world: World, { seed, next, every }: Storm, tell: (line: string) => void): Promise<FaultTime[]> {
  const random = new Random(seed);
  const begun = performance.now();
  const faults: FaultTime[] = [];
  let weighedAt = begun;
  for (;;) {
    const from = performance.now();
    const fault = next(random, (from - begun) / 1000);
    if (!fault) return faults;
    await fault.inject(world, random);
    const to = performance.now();
    if (fault !== CALM) faults.push({ name: fault.name, from, to });
    tell(`${((from - begun) / 1000).toFixed(0).padStart(5)} s  ${fault.name} (${((to - from) / 1000).toFixed(1)} s)`);
    if (to - weighedAt > WEIGH_EVERY) {
      weighedAt = to;
      tell(
        footprints(world)
          .map(({ name, megabytes, handles }) => `${name} ${megabytes} MB ${handles}`)
          .join(', '),
      );
    }
    await delay(Math.max(0, from + every * 1000 - performance.now()));
  }
}

/** @returns the seconds it took until nothing was left to do; what is left when time is up is for the checker */
async function settles(world: World, patience: number, tell: (line: string) => void): Promise<number> {
  const begun = performance.now();
  const left = async (): Promise<number> => {
    const [row] = await world.query<{ left: string }>(
      `SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM send WHERE state = 'queued')
         + (SELECT count(*) FROM agreement a WHERE status = 'pending' AND NOT EXISTS (
             SELECT FROM send s WHERE s.reference = a.reference AND s.generation = a.generation))
         + (SELECT count(*) FROM delivery_receipt r JOIN send_try t
             ON t.provider = r.provider AND t.provider_message_id = ANY (r.message_ids)) AS left`,
    );
    return Number(row?.left ?? 1);
  };
  await until('rest', async () => (await left()) === 0, patience * 1000).catch(async () => {
    tell(`${await left()} pieces of work are left after ${patience} s`);
  });
  return (performance.now() - begun) / 1000;
}

async function gather(world: World, load: Load, faults: readonly FaultTime[]): Promise<Evidence> {
  const agreements = await world.query<Stored>(
    'SELECT reference, contact, status, sequence, generation FROM agreement',
  );
  const sends = await world.query<StoredSend>(
    `SELECT id, reference, generation, state, try, taken AS counted
     FROM send LEFT JOIN limit_entry USING (reference, generation)`,
  );
  const published = await world.topic.events();
  const deadLetters = await world.topic.deadLetters();
  const unexpectedEnds = world.members.flatMap(({ unexpected }) => unexpected);
  const processes = world.members.reduce((sum, { started }) => sum + started, 0);
  const { asked } = load;
  const tries = await world.query<StoredTry>(
    'SELECT reference, provider, provider_message_id AS message_id, receipt FROM send_try',
  );
  const { log, told } = world.sms;
  const drops = world.sms.drops.map((at) => ({ name: 'a session of SMPP that was dropped', from: at, to: at }));
  const texts = identified(log, agreements, sends);
  return {
    asked,
    agreements,
    sends,
    tries,
    published,
    deadLetters,
    texts,
    told,
    faults: [...faults, ...drops],
    processes,
    unexpectedEnds,
  };
}

function footprints({ members }: World): Footprint[] {
  return members.filter(({ isRunning }) => isRunning).map(({ footprint }) => footprint);
}
