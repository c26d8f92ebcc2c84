import type { EachBatchPayload, IHeaders, KafkaMessage } from 'kafkajs';
import type { Logger } from 'pino';
import { failpoint } from '../failpoint.js';
import { describeError } from './kafka-errors.js';
import type { Slots } from './slots.js';
import { type Backoff, backoff, pause } from './waiting.js';

/** A message as it came from Kafka. */
export interface ReceivedMessage {
  readonly topic: string;
  readonly partition: number;
  /** Decimal; more than a number can hold. */
  readonly offset: string;
  readonly key: string | null;
  readonly value: Buffer | null;
  /** As UTF-8 text; of several with one name the last one, as in Kafka's own clients. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its time, in milliseconds since the epoch. */
  readonly at: number;
}

/** How it is handed over. */
export interface Delivery {
  /** 1, 2, …: how often this process has tried this message in a row. */
  readonly attempt: number;
  /** Aborts when the partition may go to another member, or at shutdown: what is still going on should end soon. */
  readonly signal: AbortSignal;
}

/** Resolves when the message is done with; an error means trouble that passes, and the message is handed over again. */
export type MessageHandler = (message: ReceivedMessage, delivery: Delivery) => Promise<void>;

/** What is remembered of a partition in whose last batch a message was in trouble, until it comes again from there on. */
interface Held {
  /** The offset of the first message that is not done. */
  readonly from: string;
  /** The offsets behind it that are done: they come again with it, but are not handed over again. */
  readonly done: ReadonlySet<string>;
  /** How often the messages in trouble were tried, by their offsets. */
  readonly attempts: ReadonlyMap<string, number>;
}

/** What the batches of one consumer's session have in common. */
export interface BatchWork {
  readonly handle: MessageHandler;
  /** By partition. Forgotten with the session: the offsets of a topic that is made anew begin anew. */
  readonly held: Map<number, Held>;
  /** Bounds the calls of `handle` at one time over all partitions. */
  readonly slots: Slots;
  readonly retryDelay: Backoff;
  /** Aborts when the consumer ends. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** How often a batch at work sends a heartbeat, commits what is done and looks whether it should stop; milliseconds. */
const PULSE = 500;

/**
 * One batch of one partition: the messages of a key one after another, different keys side by side. What is committed is
 * only ever what lies before the first message that is not done.
 *
 * A message in trouble does not keep the batch open, because kafkajs fetches nothing from a broker before every batch of
 * the last fetch has ended: one such message would stop all partitions. The partition rests instead and is then fetched
 * again from that message on.
 */
export class KeyOrderedBatch {
  readonly #payload: EachBatchPayload;
  readonly #work: BatchWork;
  readonly #halt = new AbortController();
  readonly #done: boolean[];
  /** Messages at the head of the batch that are all done, and how many of them are committed. */
  #finished = 0;
  #committed = 0;
  #pulse: Promise<void> | undefined;
  #trouble: unknown;
  /** How often each was tried, of those that are not done. */
  readonly #attempts: Map<string, number>;

  constructor(payload: EachBatchPayload, work: BatchWork) {
    this.#payload = payload;
    this.#work = work;
    const { messages, partition } = payload.batch;
    const held = work.held.get(partition);
    const comesAgain = held !== undefined && held.from === messages[0]?.offset;
    this.#done = messages.map(({ offset }) => comesAgain && held.done.has(offset));
    this.#attempts = new Map(comesAgain ? held.attempts : []);
    work.held.delete(partition);
  }

  /**
   * Returns when every message is done, in trouble or behind one of its key that is; or when the consumer stops and nothing
   * is going on any more.
   * @throws what the heartbeat or the commit threw (a rebalance, a lost broker): kafkajs joins the group again upon it
   */
  async run(): Promise<void> {
    const { signal } = this.#work;
    const stop = () => this.#halt.abort();
    if (signal.aborted) return;
    signal.addEventListener('abort', stop);
    const timer = setInterval(() => this.#beat(), PULSE);
    try {
      await Promise.all(this.#lanes().map((lane) => this.#handleInOrder(lane)));
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', stop);
    }
    await this.#pulse;
    await this.#commit().catch((error: unknown) => (this.#trouble ??= error));
    if (this.#trouble) throw this.#trouble as Error;
    if (this.#attempts.size > 0) this.#rest();
  }

  /** What is in trouble comes again after a while, and with it what lies behind it. */
  #rest(): void {
    const { retryDelay, signal, held } = this.#work;
    const { messages, partition } = this.#payload.batch;
    const from = messages[this.#finished]?.offset;
    if (from === undefined) return;
    const done = new Set(messages.filter((_, position) => this.#done[position]).map(({ offset }) => offset));
    held.set(partition, { from, done, attempts: this.#attempts });
    const resume = this.#payload.pause();
    void pause(backoff(Math.min(...this.#attempts.values()), retryDelay), signal).then(resume);
  }

  /** The positions in the batch of each key's messages. Messages without a key keep their order among themselves. */
  #lanes(): number[][] {
    const lanes = new Map<string | undefined, number[]>();
    this.#payload.batch.messages.forEach(({ key }, position) => {
      const name = key?.toString('latin1');
      const lane = lanes.get(name);
      if (lane) lane.push(position);
      else lanes.set(name, [position]);
    });
    return [...lanes.values()];
  }

  async #handleInOrder(lane: readonly number[]): Promise<void> {
    for (const position of lane) {
      const message = this.#payload.batch.messages[position];
      if (!message || !(this.#done[position] || (await this.#handleOnce(message)))) return;
      this.#done[position] = true;
      while (this.#done[this.#finished]) this.#finished++;
    }
  }

  /** @returns whether the message is done; false where it is in trouble, or the batch was stopped before */
  async #handleOnce(message: KafkaMessage): Promise<boolean> {
    const attempt = (this.#attempts.get(message.offset) ?? 0) + 1;
    const outcome = await this.#work.slots.run(() => this.#handOver(this.#received(message), attempt));
    if (outcome === 'failed') this.#attempts.set(message.offset, attempt);
    if (outcome === 'done') this.#attempts.delete(message.offset);
    return outcome === 'done';
  }

  async #handOver(message: ReceivedMessage, attempt: number): Promise<'done' | 'failed' | 'stopped'> {
    if (this.#halt.signal.aborted) return 'stopped';
    try {
      await this.#work.handle(message, { attempt, signal: this.#halt.signal });
      return 'done';
    } catch (error) {
      this.#complain(message, attempt, error);
      return 'failed';
    }
  }

  /** Says so at the 1st, 2nd, 4th, 8th … attempt: a long outage of the database must not fill the log. */
  #complain({ topic, partition, offset }: ReceivedMessage, attempt: number, error: unknown): void {
    if (!Number.isInteger(Math.log2(attempt))) return;
    const details = { topic, partition, offset, attempt, error: describeError(error) };
    this.#work.log.warn(details, 'A message could not be handled; it is tried again');
  }

  #beat(): void {
    if (!this.#payload.isRunning() || this.#payload.isStale()) return this.#halt.abort();
    this.#pulse ??= this.#keepMembership()
      .catch((error: unknown) => {
        this.#trouble ??= error;
        this.#halt.abort();
      })
      .finally(() => (this.#pulse = undefined));
  }

  async #keepMembership(): Promise<void> {
    await this.#payload.heartbeat();
    await this.#commit();
  }

  async #commit(): Promise<void> {
    const { batch } = this.#payload;
    const finished = this.#finished;
    const last = batch.messages[finished - 1];
    if (!last || finished === this.#committed || this.#payload.isStale()) return;
    this.#payload.resolveOffset(last.offset);
    const whole = finished === batch.messages.length;
    const offset = String(BigInt(whole ? batch.lastOffset() : last.offset) + 1n);
    const { topic, partition } = batch;
    failpoint('consumer.uncommitted');
    await this.#payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset }] }] });
    this.#committed = finished;
  }

  #received({ offset, key, value, headers, timestamp }: KafkaMessage): ReceivedMessage {
    const { topic, partition } = this.#payload.batch;
    const at = Number(timestamp);
    return { topic, partition, offset, key: key?.toString() ?? null, value, headers: texts(headers ?? {}), at };
  }
}

function texts(headers: IHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => {
      const last = Array.isArray(value) ? value.at(-1) : value;
      return last === undefined || last === null ? [] : [[name, last.toString()]];
    }),
  );
}
