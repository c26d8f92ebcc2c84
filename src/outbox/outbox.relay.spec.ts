import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { pino } from 'pino';
import type { Database, Statement } from '../database/index.js';
import { Metrics } from '../metrics.js';
import type { OutboxEvent } from './cloud-event.js';
import type { RefusedEvent } from './event-publisher.js';
import { OutboxRelay } from './outbox.relay.js';
import { OutboxSignal } from './outbox-signal.js';

/** A table, and what the relay does with it: `read`, `publish`, `acknowledged`, `delete` and `park` with numbers. */
class FakeOutbox {
  readonly rows = new Map<number, { parked: boolean }>();
  readonly log: string[] = [];
  /** The numbers of each batch. */
  readonly published: number[][] = [];
  /** What happens before the n-th read answers, counted from 0. */
  readonly beforeRead: (() => void)[] = [];
  /** What the n-th batch is answered. */
  readonly answers: (() => Promise<RefusedEvent[]> | RefusedEvent[])[] = [];
  #reads = 0;
  #deletions = 100;

  add(from: number, to = from): void {
    for (let seq = from; seq <= to; seq += 1) this.rows.set(seq, { parked: false });
  }

  async query({ name }: Statement, values: readonly unknown[]): Promise<object[]> {
    if (name === 'outbox_next') return this.#read(Number(values[0]), Number(values[1]), values[3] as string[]);
    if (name === 'outbox_any') return [...this.rows.values()].filter(({ parked }) => !parked).slice(0, 1);
    if (name === 'outbox_delete') return this.#delete((values[0] as string[]).map(Number));
    this.log.push(`park ${String(values[0])}`);
    this.rows.set(Number(values[0]), { parked: true });
    return [];
  }

  async publish(events: readonly OutboxEvent[]): Promise<readonly RefusedEvent[]> {
    const batch = events.map(({ seq }) => Number(seq));
    const answer = this.answers[this.published.push(batch) - 1];
    this.log.push(`publish ${batch[0]}-${batch.at(-1)}`);
    const refused = (await answer?.()) ?? [];
    this.log.push(`acknowledged ${batch[0]}-${batch.at(-1)}`);
    return refused;
  }

  /** A session on which everything goes well. */
  directClient(): object {
    const answer = async () => ({ rows: [{ won: true }] });
    return Object.assign(new EventEmitter(), { connect: answer, query: answer, end: answer });
  }

  #read(floor: number, limit: number, inHand: readonly string[]): object[] {
    this.beforeRead[this.#reads++]?.();
    const kept = new Set(inHand.map(Number));
    const found = [...this.rows]
      .filter(([seq, { parked }]) => seq > floor && !parked && !kept.has(seq))
      .map(([seq]) => seq)
      .toSorted((a, b) => a - b)
      .slice(0, limit);
    this.log.push(`read ${found[0] ?? 'nothing'}`);
    return found.map((seq) => ({ seq: String(seq), aggregateid: 'a', payload: '{}', oldest_running: '1' }));
  }

  #delete(seqs: readonly number[]): object[] {
    this.log.push(`delete ${seqs[0]}-${seqs.at(-1)}`);
    for (const seq of seqs) this.rows.delete(seq);
    return [{ xid: String(this.#deletions++) }];
  }
}

describe('the relay with a backlog', () => {
  let outbox: FakeOutbox;
  let relay: OutboxRelay;
  let late: number;

  beforeEach(() => {
    outbox = new FakeOutbox();
    const database = outbox as unknown as Database;
    const logger = pino({ level: 'silent' });
    const publisher = { connect: async () => undefined, publish: outbox.publish.bind(outbox) };
    relay = new OutboxRelay(database, publisher, new OutboxSignal(database, logger), logger, new Metrics());
    late = 0;
    const now = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => now() + late);
  });

  afterEach(async () => {
    await relay.stop();
    jest.restoreAllMocks();
  });

  async function logged(line: string): Promise<void> {
    for (const giveUp = Date.now() + 5_000; !outbox.log.includes(line) && Date.now() < giveUp;) await turn();
    expect(outbox.log).toContain(line);
  }

  it('reads a batch while the one before it is published, and deletes that before it publishes the next', async () => {
    outbox.add(1, 1_100);
    await relay.start(new AbortController().signal);
    await logged('read nothing');
    expect(outbox.log).toEqual([
      ...['read 1', 'read 501', 'publish 1-500', 'acknowledged 1-500', 'delete 1-500'],
      ...['read 1001', 'publish 501-1000', 'acknowledged 501-1000', 'delete 501-1000'],
      ...['publish 1001-1100', 'acknowledged 1001-1100', 'delete 1001-1100', 'read nothing'],
    ]);
  });

  it('does nothing with what it read ahead as long as the batch before it is not acknowledged', async () => {
    outbox.add(1, 700);
    const { promise, resolve } = Promise.withResolvers<RefusedEvent[]>();
    outbox.answers[0] = () => promise;
    await relay.start(new AbortController().signal);
    await logged('publish 1-500');
    for (let n = 0; n < 50; n += 1) await turn();
    expect(outbox.log).toEqual(['read 1', 'read 501', 'publish 1-500']);
    expect(outbox.rows.size).toBe(700);
    resolve([]);
    await logged('delete 501-700');
  });

  it('publishes what came up late before what follows it, also where its place is among the numbers in hand', async () => {
    outbox.add(1, 1_000);
    outbox.rows.delete(250);
    outbox.beforeRead[1] = () => outbox.add(250);
    await relay.start(new AbortController().signal);
    await logged('read nothing');
    expect(outbox.published[1]?.slice(0, 3)).toEqual([250, 502, 503]);
    expect(outbox.rows.size).toBe(0);
  });

  it('deletes nothing of a batch that failed, nor of the one behind it, and begins with it again', async () => {
    outbox.add(1, 1_200);
    outbox.answers[1] = () => Promise.reject(new Error('no broker'));
    await relay.start(new AbortController().signal);
    await logged('publish 501-1000');
    expect(outbox.rows.size).toBe(700);
    await logged('read nothing');
    expect(outbox.published.map((batch) => batch[0])).toEqual([1, 501, 501, 1001]);
    expect(outbox.log.filter((line) => line.startsWith('delete'))).toHaveLength(3);
    expect(outbox.rows.size).toBe(0);
  });

  it('does not publish what follows a refused event before that is parked', async () => {
    outbox.add(1, 700);
    outbox.answers[0] = () => [{ seq: '7', reason: 'too large' }];
    await relay.start(new AbortController().signal);
    await logged('read nothing');
    const parked = outbox.log.indexOf('park 7');
    expect(outbox.log.slice(parked)).toEqual([
      ...['park 7', 'read 501', 'publish 501-700', 'acknowledged 501-700', 'delete 501-700', 'read nothing'],
    ]);
  });

  it('that lost its time in the middle begins anew, with what it was refused and did not park', async () => {
    outbox.add(1, 700);
    outbox.answers[0] = () => {
      late = 60_000;
      return [{ seq: '7', reason: 'too large' }];
    };
    await relay.start(new AbortController().signal);
    await logged('read nothing');
    expect(outbox.log).not.toContain('park 7');
    expect(outbox.published.map((batch) => batch.slice(0, 2))).toEqual([
      [1, 2],
      [7, 501],
    ]);
  });
});
