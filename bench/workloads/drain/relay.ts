import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type Arm, KEY } from '../../arms.js';
import type { BenchKafka } from '../../kafka.js';
import type { LoadGenerator } from '../../load.js';
import { startCpuMeter } from '../../machine.js';
import { clear } from '../../postgres.js';
import type { Server } from '../../processes.js';
import { fillOutbox, type Template, wakeRelay } from './backlog.js';
import { mustHaveDelivered } from './delivered.js';

/** Milliseconds between two looks at the ends of the topic: one request each, which the broker answers from memory. */
const LOOK_EVERY = 10;
/** No drain takes longer. */
const DRAINED_WITHIN = 120_000;
/** A closed loop at so many connections, while there is a backlog. */
const CREATE_CONNECTIONS = 8;

/** Everything that a drain of the service takes. */
export interface Relay {
  /** In role relay, leading. */
  readonly server: Server;
  /** In role api, on the same database. */
  readonly api: Server;
  readonly arm: Arm;
  readonly databaseUrl: string;
  readonly client: pg.Client;
  readonly topic: string;
  readonly template: Template;
  /** Starts one more, which stands by. */
  readonly another: () => Promise<Server>;
}

/** Where it is measured. */
export interface Place {
  readonly kafka: BenchKafka;
  readonly generator: LoadGenerator;
  readonly postgres: number;
}

/** What is special about a drain. */
export interface Circumstances {
  readonly rows: number;
  /** A transaction with a snapshot of before is open from before the backlog is there until it is gone. */
  readonly snapshot?: Holder;
  /** So many creates meanwhile. */
  readonly creates?: number;
}

/** How a drain went. */
export interface Drain extends Readonly<Record<string, number>> {
  /** Events of the backlog, from its commit until the last one is acknowledged and deleted. */
  readonly perSecond: number;
  /** Microseconds of CPU for each event; NaN where the system does not tell. */
  readonly serverCpu: number;
  readonly postgresCpu: number;
  readonly brokerCpu: number;
  /** Creates meanwhile; NaN of none. */
  readonly creates: number;
}

/** Drains a backlog once and looks at every event of it. @throws where one is lost, doubled or out of order */
export async function drain(
  relay: Relay,
  place: Place,
  { rows, snapshot, creates = 0 }: Circumstances,
): Promise<Drain> {
  const { databaseUrl, arm, client, topic } = relay;
  await clear(databaseUrl, arm.tables);
  // A plan that is kept is mostly made for the empty table that an idle relay looks at.
  await wakeRelay(client);
  await place.kafka.empty(topic);
  await using _ = snapshot ? await holdSnapshot(databaseUrl, snapshot) : undefined;
  return await drainBacklog(relay, place, rows, creates);
}

/** The same on tables as they are. The topic must be empty. */
export async function drainBacklog(relay: Relay, place: Place, rows: number, creates = 0): Promise<Drain> {
  const { kafka, postgres } = place;
  const { client, topic, template, server } = relay;
  const above = await lastSeq(client);
  const backlog = await fillOutbox(client, template, rows);
  const began = performance.now();
  const stop = await startCpuMeter({ server: server.pid, postgres, broker: kafka.pid ?? server.pid });
  const creating = creates === 0 ? undefined : create(relay, place, creates);
  await untilPublished(kafka, topic, rows);
  if (!creating) await untilEmpty(client, above);
  const seconds = (performance.now() - began) / 1000;
  const use = await stop();
  const created = await creating;
  if (creating) await untilEmpty(client, above);
  await mustHaveDelivered(kafka, topic, backlog, creates);
  const each = (milliseconds: number | undefined): number => ((milliseconds ?? NaN) * 1000) / rows;
  return {
    perSecond: rows / seconds,
    serverCpu: each(use?.server),
    postgresCpu: each(use?.postgres),
    brokerCpu: kafka.pid === undefined ? NaN : each(use?.broker),
    creates: created ?? NaN,
  };
}

async function create({ api }: Relay, { generator }: Place, amount: number): Promise<number> {
  const url = `${api.url}/v1/agreement`;
  const { acknowledged, perSecond } = await generator.load({ url, key: KEY, connections: CREATE_CONNECTIONS, amount });
  if (acknowledged !== amount) throw new Error(`void: of ${amount} creates ${acknowledged} were acknowledged`);
  return perSecond;
}

/** Who holds a snapshot: one who only reads, as a report or a dump does, or one who has written and so has an id. */
export type Holder = 'reader' | 'writer';

/** A transaction with a snapshot of now, until it is disposed of. */
export async function holdSnapshot(databaseUrl: string, holder: Holder): Promise<AsyncDisposable> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await client.query(holder === 'reader' ? 'SELECT 1' : 'SELECT pg_current_xact_id()');
  return { [Symbol.asyncDispose]: () => client.end() };
}

async function untilPublished(kafka: BenchKafka, topic: string, rows: number): Promise<void> {
  await until(`${rows} events in the topic`, async () => (await kafka.count(topic)) >= rows);
}

/**
 * Behind the last event of the topic: what it was made of is deleted by then or a moment later.
 * @param above what is dead at lower numbers, and cannot be cleared away under a snapshot, is not read through
 */
async function untilEmpty(client: pg.Client, above: string): Promise<void> {
  const left = 'SELECT 1 AS row FROM outbox WHERE seq > $1 ORDER BY seq DESC LIMIT 1';
  await until('an empty outbox', async () => (await client.query(left, [above])).rowCount === 0);
}

/** The number of the last event so far. */
async function lastSeq(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ last: string }>(
    `SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('outbox', 'seq')::regclass), 0)::text AS last`,
  );
  return rows[0]?.last ?? '0';
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DRAINED_WITHIN;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`void: waited ${DRAINED_WITHIN / 1000} s for ${what}`);
    await delay(LOOK_EVERY);
  }
}
