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

/** What the batches of one consumer have in common. */
export interface BatchWork {
  readonly handle: MessageHandler;
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

  constructor(payload: EachBatchPayload, work: BatchWork) {
    this.#payload = payload;
    this.#work = work;
    this.#done = payload.batch.messages.map(() => false);
  }

  /**
   * Returns when all messages are done, or when the consumer stops and nothing is going on any more.
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
      if (!message || !(await this.#handleUntilDone(message))) return;
      this.#done[position] = true;
      while (this.#done[this.#finished]) this.#finished++;
    }
  }

  /** @returns false where the batch was stopped before the message was done */
  async #handleUntilDone(message: KafkaMessage): Promise<boolean> {
    const { slots, retryDelay } = this.#work;
    const received = this.#received(message);
    for (let attempt = 1; ; attempt++) {
      const outcome = await slots.run(() => this.#handOver(received, attempt));
      if (outcome !== 'failed') return outcome === 'done';
      await pause(backoff(attempt, retryDelay), this.#halt.signal);
    }
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

  #received({ offset, key, value, headers }: KafkaMessage): ReceivedMessage {
    const { topic, partition } = this.#payload.batch;
    return { topic, partition, offset, key: key?.toString() ?? null, value, headers: texts(headers ?? {}) };
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
