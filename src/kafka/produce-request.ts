import { createRequire } from 'node:module';
import type { Message } from 'kafkajs';
import { crc32c } from './crc32c.js';
import { RecordWriter } from './record-writer.js';

/** What kafkajs gives to the encoder of a Produce request. */
interface Produce {
  readonly acks: number;
  readonly timeout: number;
  readonly transactionalId?: string | null;
  /** Of an idempotent producer, else -1. */
  readonly producerId?: { toString(): string };
  readonly producerEpoch?: number;
  readonly compression?: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly PartitionData[];
  }[];
}

interface PartitionData {
  readonly partition: number;
  readonly firstSequence?: number;
  readonly messages: readonly Message[];
}

interface Protocol {
  readonly request: { readonly apiName: string; encode(): Promise<unknown> };
  readonly response: object;
}

/** kafkajs/src/protocol/requests/produce/index.js, which has no types. */
const produce = createRequire(import.meta.url)('kafkajs/src/protocol/requests/produce/index.js') as {
  protocol: (wanted: { version: number }) => (given: Produce) => Protocol;
};
const original = produce.protocol;

/** The first version whose messages are record batches; those up to 7, the last that kafkajs knows, are written alike. */
const RECORD_BATCHES = 3;
const MAGIC = 2;

/**
 * Lets kafkajs 2.2.4, its last release, write its Produce requests with `encodeProduce`. Its own way makes a buffer of 512
 * bytes for each header of each record, and 1 to 5 bytes long ones for their lengths: with our eleven headers an event takes 28
 * microseconds of processor time, and 8 when it is written in one go. The bytes are the same.
 */
export function useFastProduceRequests(): void {
  produce.protocol = ({ version }) => {
    const protocol = original({ version });
    if (version < RECORD_BATCHES) return protocol;
    return (given) => {
      const { request, response } = protocol(given);
      if (given.compression || given.transactionalId) return { request, response };
      return { request: { ...request, encode: () => Promise.resolve(encodeProduce(given)) }, response };
    };
  };
}

/**
 * Produce Request (Version: 3 to 7) => transactional_id acks timeout [topic [partition record_set]], without compression and
 * outside transactions (Kafka protocol guide, "The Messages: Produce"; "Record Batch" for the record set).
 * @returns as much of kafkajs' Encoder as takes part in a request
 */
export function encodeProduce({ acks, timeout, topicData, ...producer }: Produce): {
  readonly buf: Buffer;
  readonly buffer: Buffer;
} {
  const out = new RecordWriter();
  out.string(null);
  out.int16(acks);
  out.int32(timeout);
  out.int32(topicData.length);
  for (const { topic, partitions } of topicData) {
    out.string(topic);
    out.int32(partitions.length);
    for (const data of partitions) {
      out.int32(data.partition);
      out.sized(() => writeBatch(out, data, producer));
    }
  }
  return { buf: out.written, buffer: out.written };
}

function writeBatch(
  out: RecordWriter,
  { messages, firstSequence = 0 }: PartitionData,
  { producerId = -1, producerEpoch = 0 }: Pick<Produce, 'producerId' | 'producerEpoch'>,
): void {
  const now = Date.now();
  const times = messages.map(({ timestamp }) => (timestamp ? Number(timestamp) : now));
  const first = times.reduce((least, time) => Math.min(least, time), Infinity);
  const last = times.reduce((most, time) => Math.max(most, time), -Infinity);
  out.int64(0n); // base offset: the broker gives it
  out.sized(() => {
    out.int32(0); // partition leader epoch: likewise
    out.int8(MAGIC);
    const checksum = out.length;
    out.int32(0);
    out.int16(0); // attributes: no compression, time of creation, no transaction
    out.int32(messages.length - 1);
    out.int64(BigInt(first));
    out.int64(BigInt(last));
    out.int64(BigInt(producerId.toString()));
    out.int16(producerEpoch);
    out.int32(firstSequence);
    out.int32(messages.length);
    for (const [index, message] of messages.entries())
      writeRecord(out, message, index, (times[index] ?? first) - first);
    out.uint32At(crc32c(out.written, checksum + 4), checksum);
  });
}

function writeRecord(out: RecordWriter, { key, value, headers = {} }: Message, index: number, after: number): void {
  out.varintSized(() => {
    out.int8(0); // attributes
    out.varint(after);
    out.varint(index);
    out.varintBytes(key);
    out.varintBytes(value);
    const names = Object.keys(headers);
    out.varint(names.reduce((count, name) => count + (Array.isArray(headers[name]) ? headers[name].length : 1), 0));
    for (const name of names) {
      const given = headers[name];
      for (const text of Array.isArray(given) ? given : [given]) {
        out.varintBytes(name);
        out.varintBytes(text);
      }
    }
  });
}
