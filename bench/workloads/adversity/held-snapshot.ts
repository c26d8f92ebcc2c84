import type { BenchKafka } from '../../kafka.js';
import { measureRounds, type Rounds } from '../../rounds.js';
import type { Bench } from '../../workload.js';
import { drain, drainBacklog, holdSnapshot, type Relay } from '../drain/relay.js';
import { type Created, createWhile, forSeconds } from './creating.js';
import { begin, mustHavePublished, untilAllPublished } from './published.js';

export const HELD_SECONDS = 180;
export const CREATE_CONNECTIONS = 2;
const ROWS = 50_000;
/** Seconds of drains, before and again at the end. */
const PLAN = { rounds: 5, budget: 50, patience: 1 };

/** How drains went before a snapshot was held, and at the end of it. */
export interface HeldSnapshot {
  readonly clean: Rounds;
  readonly held: Rounds;
  readonly created: Created;
  readonly repeats: number;
  /** In the outbox, deleted and not to be cleared away. */
  readonly dead: number;
}

/** Drains; holds a snapshot while creates are published for three minutes; and drains with it. */
export async function underHeldSnapshot(bench: Bench, relay: Relay, kafka: BenchKafka): Promise<HeldSnapshot> {
  const place = { kafka, generator: bench.generator, postgres: bench.postgres.pid };
  const cleanly = (): Promise<Readonly<Record<string, number>>> => drain(relay, place, { rows: ROWS });
  await cleanly();
  const clean = await measureRounds(bench, [{ name: 'clean', measure: cleanly }], PLAN);
  await begin(relay, kafka);
  await using _ = await holdSnapshot(relay.databaseUrl, 'writer');
  bench.tell(`a snapshot is held for ${HELD_SECONDS} s while creates are published`);
  const created = await createWhile(bench, relay.api, CREATE_CONNECTIONS, forSeconds(HELD_SECONDS));
  await untilAllPublished(relay, bench.signal);
  const repeats = await mustHavePublished(relay, kafka, created.acknowledged);
  const underIt = async (): Promise<Readonly<Record<string, number>>> => {
    await kafka.empty(relay.topic);
    return drainBacklog(relay, place, ROWS);
  };
  const held = await measureRounds(bench, [{ name: 'held', measure: underIt }], PLAN);
  const { rows } = await relay.client.query<{ dead: number }>(
    `SELECT n_dead_tup::int AS dead FROM pg_stat_user_tables WHERE relname = 'outbox'`,
  );
  return { clean, held, created, repeats, dead: rows[0]?.dead ?? NaN };
}
