import type { Admin, IHeaders, Kafka } from 'kafkajs';
import type { Logger } from 'pino';
import type { KafkaSettings } from '../config.js';
import { createKafka } from './kafka-client.js';
import { describeError, isOutage, isRecordRefused, KafkaUnavailable } from './kafka-errors.js';
import { KafkaProducer } from './kafka-producer.js';
import { PlainAccess, type StoredRecord } from './plain-access.js';
import { unlessAborted } from './waiting.js';

/** The header that says what a dead letter had no room for; the source of the message still has it. */
export const LEFT_OUT_HEADER = 'dlq_left_out';

/** The consumer group whose offsets say which dead letters are put right. */
export function deadLetterGroup(groupId: string): string {
  return `${groupId}-dlq`;
}

/** A message that could not be handled, where it lies in the dead letter topic. */
export interface DeadLetter extends StoredRecord {
  /** Whether nobody has put it right yet. */
  readonly waits: boolean;
}

/** A dead letter that cannot be played again; `message` says why. */
export class NotReplayable extends Error {}

/** Where a partition begins, what of it is put right, and where it ended when it was looked at. */
interface Span {
  readonly partition: number;
  readonly low: bigint;
  mark: bigint;
  readonly end: bigint;
}

/** Somebody waits at a terminal. */
const ANSWER_WITHIN = 4_000;
/** Longer than the producer gives the broker: an answer that says no is worth more than none. */
const SEND_WITHIN = 16_000;

/**
 * The dead letter topic as it was at one moment. What is put right is remembered as the committed offset of the group
 * `<KAFKA_GROUP_ID>-dlq`, the mark; what lies behind it waits.
 */
export class DeadLetters {
  readonly #settings: KafkaSettings;
  readonly #group: string;
  readonly #admin: Admin;
  readonly #access: PlainAccess;
  readonly #producer: KafkaProducer;
  #spans: readonly Span[] = [];

  private constructor(settings: KafkaSettings, kafka: Kafka, log: Logger) {
    this.#settings = settings;
    this.#group = deadLetterGroup(settings.groupId);
    this.#admin = kafka.admin();
    this.#access = new PlainAccess(kafka);
    this.#producer = new KafkaProducer(kafka, settings.topic, log);
  }

  /**
   * Looks at the topic; one that is not there yet is empty.
   * @throws KafkaUnavailable within 4 s
   */
  static async open(settings: KafkaSettings, log: Logger): Promise<DeadLetters> {
    const letters = new DeadLetters(settings, createKafka(settings, log), log);
    try {
      await inTime(Promise.all([letters.#admin.connect(), letters.#access.connect()]));
    } catch (error) {
      throw new KafkaUnavailable('Kafka cannot be reached', { cause: error });
    }
    letters.#spans = await inTime(letters.#look());
    return letters;
  }

  /** How many wait, counted by their offsets: a topic that is compacted may have fewer. */
  get waiting(): number {
    return this.#spans.reduce((sum, { mark, end }) => sum + Number(end - mark), 0);
  }

  get partitions(): number[] {
    return this.#spans.map(({ partition }) => partition);
  }

  /** Those of a partition in their order, up to the end as it was. @param from the first that waits, or the first that is there */
  async *of(partition: number, from: 'mark' | 'start'): AsyncGenerator<DeadLetter> {
    const span = this.#spans.find((one) => one.partition === partition);
    if (!span) return;
    for (let next = from === 'mark' ? span.mark : span.low; next < span.end;) {
      const records = await inTime(this.#access.fetch(this.#settings.dlqTopic, partition, next));
      for (const record of records)
        if (record.offset < span.end) yield { ...record, waits: record.offset >= span.mark };
      const last = records.at(-1);
      if (!last) return;
      next = last.offset + 1n;
    }
  }

  /** The one at this position, if there is one. */
  async at(partition: number, offset: bigint): Promise<DeadLetter | undefined> {
    const span = this.#spans.find((one) => one.partition === partition);
    if (!span || offset < span.low || offset >= span.end) return undefined;
    const [record] = await inTime(this.#access.fetch(this.#settings.dlqTopic, partition, offset));
    return record?.offset === offset ? { ...record, waits: offset >= span.mark } : undefined;
  }

  /** The first of a partition that waits. */
  async firstWaiting(partition: number): Promise<DeadLetter | undefined> {
    for await (const letter of this.of(partition, 'mark')) return letter;
    return undefined;
  }

  /**
   * Publishes the message again as it was; returns when all replicas have it.
   * @throws NotReplayable where its original is gone or Kafka refuses it; KafkaUnavailable
   */
  async replay(letter: DeadLetter): Promise<void> {
    const { key, value, headers } = letter.headers[LEFT_OUT_HEADER] ? await this.#original(letter) : letter;
    try {
      await inTime(this.#producer.sendBatch([{ key, value, headers: withoutOurs(headers) }]), SEND_WITHIN);
    } catch (error) {
      if (isRecordRefused(error))
        throw new NotReplayable(`${this.#settings.topic} refuses it: ${describeError(error)}`);
      throw error;
    }
  }

  /** Remembers that everything up to this one is put right. */
  async markDone({ partition, offset }: DeadLetter): Promise<void> {
    await inTime(this.#access.commit(this.#group, this.#settings.dlqTopic, partition, offset + 1n));
    const span = this.#spans.find((one) => one.partition === partition);
    if (span) span.mark = offset + 1n;
  }

  async close(): Promise<void> {
    const all = [this.#admin.disconnect(), this.#access.disconnect(), this.#producer.disconnect()];
    await inTime(Promise.allSettled(all)).catch(() => undefined);
  }

  async #look(): Promise<Span[]> {
    const { dlqTopic: topic } = this.#settings;
    if (!(await this.#admin.listTopics()).includes(topic)) return [];
    const offsets = await this.#admin.fetchTopicOffsets(topic);
    const [committed] = await this.#admin.fetchOffsets({ groupId: this.#group, topics: [topic] });
    const marks = new Map(committed?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
    const spans = offsets.map(({ partition, low, high }) => {
      const [begin, end, mark] = [BigInt(low), BigInt(high), marks.get(partition) ?? -1n];
      // Beyond the end: the topic was made anew since.
      return { partition, low: begin, end, mark: mark < begin || mark > end ? begin : mark };
    });
    return spans.sort((a, b) => a.partition - b.partition);
  }

  /** What the letter had no room for lies where the message came from, as long as the topic keeps it. */
  async #original({ headers }: DeadLetter): Promise<StoredRecord> {
    const { topic } = this.#settings;
    const [partition, offset] = [headers['dlq_source_partition'], headers['dlq_source_offset']].map(String);
    const source = `${partition ?? ''}:${offset ?? ''} of ${topic}`;
    if (!/^\d+:\d+ /.test(source))
      throw new NotReplayable('it was too large to be kept, and does not say where it came from');
    const [record] = await inTime(this.#access.fetch(topic, Number(partition), BigInt(offset ?? 0))).catch(goneOrThrow);
    if (String(record?.offset) === offset && record) return record;
    throw new NotReplayable(`it was too large to be kept, and its original, ${source}, is no longer there`);
  }
}

function goneOrThrow(error: unknown): [] {
  const { type } = (error as { cause?: { type?: string } }).cause ?? (error as { type?: string });
  if (type === 'OFFSET_OUT_OF_RANGE' || type === 'UNKNOWN_TOPIC_OR_PARTITION') return [];
  throw error;
}

function withoutOurs(headers: IHeaders): IHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('dlq_')));
}

/** @throws KafkaUnavailable when that takes too long, or when it is an outage */
async function inTime<T>(work: Promise<T>, within = ANSWER_WITHIN): Promise<T> {
  const late = AbortSignal.timeout(within);
  work.catch(() => undefined);
  try {
    return await unlessAborted(work, late);
  } catch (error) {
    if (late.aborted) throw new KafkaUnavailable(`Kafka did not answer within ${within / 1000} s`);
    throw isOutage(error) ? new KafkaUnavailable('Kafka does not answer', { cause: error }) : error;
  }
}
