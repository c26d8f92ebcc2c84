import type { IHeaders, Kafka, Producer } from 'kafkajs';
import type { Logger } from 'pino';
import { describeError, isRecordRefused } from './kafka-errors.js';
import { byKey } from './partitioner.js';
import { backoff, endsWithin, pause, unlessAborted } from './waiting.js';

/**
 * What is sent. The key decides the partition, so the messages of one key keep their order; those without a key go
 * anywhere. No value is not an empty one: to Kafka it means that what the key speaks of is gone.
 */
export interface KafkaMessage {
  readonly key: Buffer | string | null;
  readonly value: Buffer | string | null;
  readonly headers: Readonly<IHeaders>;
  /**
   * Its time in milliseconds since the epoch; else that of this machine. A broker refuses what is an hour ahead of its own
   * clock (`log.message.timestamp.after.max.ms`), so with it a machine whose clock is wrong can still send.
   */
  readonly at?: number;
}

/** A broker refuses a batch above 1 MiB by default, however small its records; headers and framing are only estimated. */
const BATCH_BYTES = 512 * 1024;
const RECORD_OVERHEAD = 64;
/** How long the broker may wait for its replicas; below the limit of the request, so that the broker's answer comes first. */
const ACK_TIMEOUT = 10_000;
const CONNECT_AGAIN = { initial: 250, max: 2_000 };
const DISCONNECT_WITHIN = 5_000;

/** Sends batches and waits for the acknowledgement of all replicas. */
export class KafkaProducer {
  readonly #kafka: Kafka;
  readonly #topic: string;
  readonly #log: Logger;
  #producer: Promise<Producer> | undefined;
  #closed = false;

  /** @param topic where `sendBatch` sends unless told otherwise */
  constructor(kafka: Kafka, topic: string, log: Logger) {
    this.#kafka = kafka;
    this.#topic = topic;
    this.#log = log;
  }

  /**
   * Resolves when a broker is there, however long that takes.
   * @throws the signal's reason when it aborts before
   */
  async connect(signal: AbortSignal = new AbortController().signal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await unlessAborted(this.#connected(), signal);
        return this.#log.info('Kafka is reachable');
      } catch (error) {
        signal.throwIfAborted();
        if (attempt === 1) this.#log.warn({ error: describeError(error) }, 'Kafka is not reachable; waiting for it');
      }
      await pause(backoff(attempt, CONNECT_AGAIN), signal);
    }
  }

  /**
   * Sends the messages in order; resolves when all are acknowledged by all replicas in sync. It tries once: on an error
   * some may have arrived, and the caller sends all of them again.
   *
   * kafkajs must not retry here: it forgets the messages of a partition whose leader moved to a broker that had already
   * acknowledged others of the same batch (https://github.com/tulios/kafkajs issue 1303, pull request 1798).
   * @throws what Kafka said; `isRecordRefused` tells one record's trouble from everybody's
   */
  async sendBatch(messages: readonly KafkaMessage[], topic: string = this.#topic): Promise<void> {
    if (messages.length === 0) return;
    const opened = this.#connected();
    const producer = await opened;
    try {
      for (const part of bySize(messages)) {
        await producer.send({ topic, messages: part.map(copy), acks: -1, timeout: ACK_TIMEOUT });
      }
    } catch (error) {
      if (!isRecordRefused(error)) this.#abandon(opened);
      throw error;
    }
  }

  /** Waits for what is being sent, 5 s at most. Nothing can be sent afterwards. */
  async disconnect(): Promise<void> {
    this.#closed = true;
    const producer = this.#producer;
    if (!producer) return;
    await endsWithin(
      producer.then((open) => open.disconnect()),
      DISCONNECT_WITHIN,
    );
  }

  #connected(): Promise<Producer> {
    if (this.#closed) return Promise.reject(new Error('The producer has been disconnected'));
    if (this.#producer) return this.#producer;
    const opened = this.#open();
    this.#producer = opened;
    opened.catch(() => this.#abandon(opened));
    return opened;
  }

  async #open(): Promise<Producer> {
    const producer = this.#kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: byKey,
      idempotent: false,
      retry: { retries: 0 },
    });
    await producer.connect();
    return producer;
  }

  /** The next send begins with fresh connections and metadata: what an outage leaves in kafkajs' is not worth trusting. */
  #abandon(producer: Promise<Producer>): void {
    if (this.#producer === producer && !this.#closed) this.#producer = undefined;
    producer.then((open) => open.disconnect()).catch(() => undefined);
  }
}

function copy({ key, value, headers, at }: KafkaMessage) {
  return at === undefined ? { key, value, headers } : { key, value, headers, timestamp: String(at) };
}

/** Cuts the messages, in order, into parts that fit a broker's limit for a batch; a larger message is a part of its own. */
function bySize(messages: readonly KafkaMessage[]): KafkaMessage[][] {
  const parts: KafkaMessage[][] = [];
  let room = 0;
  for (const message of messages) {
    const size = sizeOf(message);
    const last = parts.at(-1);
    if (last && size <= room) {
      last.push(message);
      room -= size;
    } else {
      parts.push([message]);
      room = BATCH_BYTES - size;
    }
  }
  return parts;
}

function sizeOf({ key, value, headers }: KafkaMessage): number {
  let size = RECORD_OVERHEAD + bytesOf(key) + bytesOf(value);
  for (const name of Object.keys(headers)) {
    const given = headers[name];
    size += name.length;
    if (Array.isArray(given)) for (const each of given) size += bytesOf(each);
    else size += bytesOf(given);
  }
  return size;
}

function bytesOf(part: Buffer | string | null | undefined): number {
  return typeof part === 'string' ? Buffer.byteLength(part) : (part?.length ?? 0);
}
