import { randomUUID } from 'node:crypto';
import type { Kafka } from 'kafkajs';
import { pino } from 'pino';
import { createKafka } from '../../src/kafka/kafka-client.js';
import { until } from '../support/until.js';

const PARTITIONS = 6;
const READ_WITHIN = 60_000;

/** An event as it lies in the topic. */
export interface Published {
  readonly reference: string;
  readonly id: string;
  readonly type: string;
  readonly sequence: number;
}

/** The names of one run, with its topics made. */
export class Topic {
  readonly names = {
    topic: `events-${randomUUID()}`,
    dlqTopic: `dlq-${randomUUID()}`,
    groupId: `group-${randomUUID()}`,
  };

  constructor(private readonly brokers: readonly string[]) {}

  get environment(): Record<string, string> {
    const { topic, dlqTopic, groupId } = this.names;
    return {
      KAFKA_BROKERS: this.brokers.join(),
      KAFKA_TOPIC: topic,
      KAFKA_DLQ_TOPIC: dlqTopic,
      KAFKA_GROUP_ID: groupId,
    };
  }

  async make(): Promise<void> {
    const admin = this.#client().admin();
    await admin.connect();
    const topics = [this.names.topic, this.names.dlqTopic].map((topic) => ({ topic, numPartitions: PARTITIONS }));
    await admin.createTopics({ topics, waitForLeaders: true });
    await admin.disconnect();
  }

  /** Everything that lies in the topic of events, in the order of each partition. */
  async events(): Promise<Published[]> {
    return this.#read(this.names.topic);
  }

  /** Everything that could not be handled. */
  async deadLetters(): Promise<Published[]> {
    return this.#read(this.names.dlqTopic);
  }

  async #read(topic: string): Promise<Published[]> {
    const kafka = this.#client();
    const admin = kafka.admin();
    await admin.connect();
    const ends = await admin.fetchTopicOffsets(topic);
    await admin.disconnect();
    const expected = ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
    const found: Published[] = [];
    const consumer = kafka.consumer({ groupId: `chaos-${randomUUID()}` });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message: { key, headers = {} } }) => {
        const { ce_id: id, ce_type: type, ce_sequence: sequence } = headers;
        found.push({ reference: String(key), id: String(id), type: String(type), sequence: Number(sequence) });
        return Promise.resolve();
      },
    });
    await until(`all of ${topic}`, () => found.length >= expected, READ_WITHIN).finally(() => consumer.disconnect());
    return found;
  }

  #client(): Kafka {
    const settings = { ...this.names, brokers: [...this.brokers], clientId: 'chaos', ssl: false as const };
    return createKafka(settings, pino({ level: 'silent' }));
  }
}
