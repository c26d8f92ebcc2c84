import type { Kafka } from 'kafkajs';
import type { Logger } from 'pino';
import { ConsumerSession, type SessionSettings } from './consumer-session.js';
import { describeError, isOutage } from './kafka-errors.js';
import { KeyOrderedBatch, type MessageHandler } from './key-ordered-batch.js';
import { Slots } from './slots.js';
import { type Backoff, backoff, endsWithin, pause, unlessAborted } from './waiting.js';

/** Times in milliseconds. */
export interface KafkaConsumerOptions {
  readonly topic: string;
  readonly groupId: string;
  /** The process should end: the consumer cannot work and waiting will not help. It has stopped trying. */
  readonly onFatal: (error: Error) => void;
  /** Called each time the consumer has ended by itself and is made anew. */
  readonly onLost?: () => void;
  /** Messages handled at one time, each of another key; 16. */
  readonly concurrency?: number;
  /** Between the attempts at a message whose handler throws; 200 up to 5000. */
  readonly retryDelay?: Backoff;
  /**
   * After a process died the group waits so long before its partitions go to others; 6000, the least that brokers allow
   * by default. Heartbeats at a fifth of it.
   */
  readonly sessionTimeout?: number;
  /** A consumer without a heartbeat for so long is made anew; 60000, above the 35 s that joining may take. */
  readonly stallTimeout?: number;
  /** Before a consumer that ended is made anew; 250 up to 2000. */
  readonly restartDelay?: Backoff;
  /** So many ends in a row, without an answered fetch and not by an outage, are fatal; 8. */
  readonly maxFailures?: number;
}

const DEFAULTS = {
  concurrency: 16,
  retryDelay: { initial: 200, max: 5_000 },
  sessionTimeout: 6_000,
  stallTimeout: 60_000,
  restartDelay: { initial: 250, max: 2_000 },
  maxFailures: 8,
};
const HEARTBEATS_PER_SESSION = 5;
/** Partitions whose batches are at work at one time, so that one with a slow message does not hold up the others' last ones. */
const CONCURRENT_PARTITIONS = 6;
/** For leaving the group when a consumer has crashed or hangs. */
const CLOSE_WITHIN = 5_000;

/**
 * A member of a consumer group that stays one: whatever ends it, it is made anew. Each message is handed over at least
 * once; those of a key in order. A handler that throws gets its message again, and nothing from that message on is committed.
 */
export class KafkaConsumer {
  /** Resolves when it has first joined the group; stays open where that never happens. */
  readonly firstConnected: Promise<void>;
  readonly #kafka: Kafka;
  readonly #options: KafkaConsumerOptions & typeof DEFAULTS;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  readonly #slots: Slots;
  #joined: () => void = () => {};
  #isLost = false;
  #closeWithin = CLOSE_WITHIN;
  #formerMember: string | undefined;
  #running: Promise<void> | undefined;

  constructor(kafka: Kafka, options: KafkaConsumerOptions, log: Logger) {
    this.#kafka = kafka;
    this.#options = { ...DEFAULTS, ...options };
    this.#log = log;
    this.#slots = new Slots(this.#options.concurrency);
    this.firstConnected = new Promise((resolve) => (this.#joined = resolve));
  }

  /** Begins to hand messages to `handle` and returns at once; see `firstConnected`. Does nothing when called again. */
  run(handle: MessageHandler): void {
    this.#running ??= this.#stayMember(handle).catch((error: unknown) => {
      this.#options.onFatal(error instanceof Error ? error : new Error(String(error)));
    });
  }

  /**
   * Takes no more messages, waits for those being handled, commits what is done, leaves the group and disconnects.
   * @param within milliseconds; then it returns although something is still going on
   */
  async stop(within = 10_000): Promise<void> {
    this.#closeWithin = within;
    this.#stopping.abort();
    if (!this.#running || (await endsWithin(this.#running, within))) return;
    this.#log.warn({ within }, 'The Kafka consumer did not come to an end in time; what it had in hand is redelivered');
  }

  async #stayMember(handle: MessageHandler): Promise<void> {
    const { signal } = this.#stopping;
    const { maxFailures, restartDelay, onFatal } = this.#options;
    let failures = 0;
    let hopeless = 0;
    while (!signal.aborted) {
      const { error, hasFetched } = await this.#liveOnce(handle);
      if (error === undefined) return;
      failures = hasFetched ? 1 : failures + 1;
      hopeless = (hasFetched ? 0 : hopeless) + (isOutage(error) ? 0 : 1);
      if (hopeless >= maxFailures) {
        this.#log.fatal({ error: describeError(error), failures }, 'The Kafka consumer cannot work; giving up');
        return onFatal(error);
      }
      this.#tellLoss(error, failures);
      await pause(backoff(failures, restartDelay), signal);
    }
  }

  /** @returns what ended it; no error where it was stopped */
  async #liveOnce(handle: MessageHandler): Promise<{ error?: Error; hasFetched: boolean }> {
    const over = new AbortController();
    const signal = AbortSignal.any([this.#stopping.signal, over.signal]);
    const session = new ConsumerSession(this.#kafka, this.#sessionSettings(), (partitions) =>
      this.#tellJoin(partitions),
    );
    const { retryDelay } = this.#options;
    const work = { handle, held: new Map(), slots: this.#slots, retryDelay, signal, log: this.#log };
    void session.open((payload) => new KeyOrderedBatch(payload, work).run(), CONCURRENT_PARTITIONS);
    const error = await unlessAborted(session.ended, this.#stopping.signal).catch(() => undefined);
    over.abort();
    await session.close(this.#closeWithin);
    this.#formerMember = session.member ?? this.#formerMember;
    return { ...(error ? { error } : {}), hasFetched: session.hasFetched };
  }

  #sessionSettings(): SessionSettings {
    const { topic, groupId, sessionTimeout, stallTimeout } = this.#options;
    const heartbeatInterval = sessionTimeout / HEARTBEATS_PER_SESSION;
    return { topic, groupId, sessionTimeout, stallTimeout, heartbeatInterval, formerMember: this.#formerMember };
  }

  #tellJoin(partitions: number[]): void {
    const { topic, groupId } = this.#options;
    this.#log.info({ topic, groupId, partitions }, 'The Kafka consumer has joined its group');
    this.#isLost = false;
    this.#joined();
  }

  #tellLoss(error: Error, failures: number): void {
    this.#options.onLost?.();
    const details = { error: describeError(error), failures };
    if (this.#isLost) this.#log.debug(details, 'The Kafka consumer is still lost');
    else this.#log.warn(details, 'The Kafka consumer is lost; it comes back by itself');
    this.#isLost = true;
  }
}
