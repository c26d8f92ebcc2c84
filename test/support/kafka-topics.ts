import { randomUUID } from 'node:crypto';
import type { Admin, Message, Producer } from 'kafkajs';
import { pino } from 'pino';
import { createKafka, KafkaConsumer, KafkaProducer, type ReceivedMessage } from '../../src/kafka/index.js';
import { until } from './until.js';

const PARTITIONS = 3;

/** An event as its receivers get it. */
export interface TopicEvent extends ReceivedMessage {
  readonly data: Readonly<Record<string, unknown>>;
}

/** The two topics of one spec file, with everything that is ever written to them. */
export class KafkaTopics {
  readonly messages: ReceivedMessage[] = [];
  readonly names = {
    topic: `events-${randomUUID()}`,
    dlqTopic: `dlq-${randomUUID()}`,
    groupId: `group-${randomUUID()}`,
  };
  readonly producer: KafkaProducer;
  readonly #admin: Admin;
  readonly #plain: Producer;
  readonly #consumers: KafkaConsumer[];

  constructor(private readonly brokers: readonly string[]) {
    const log = pino({ level: 'silent' });
    const client = () => createKafka({ brokers: [...brokers], ...this.names, clientId: 'spec', ssl: false }, log);
    this.#admin = client().admin();
    this.#plain = client().producer({ allowAutoTopicCreation: false });
    this.producer = new KafkaProducer(client(), this.names.topic, log);
    this.#consumers = [this.names.topic, this.names.dlqTopic].map(
      (topic) => new KafkaConsumer(client(), { topic, groupId: `spec-${randomUUID()}`, onFatal: () => undefined }, log),
    );
  }

  /** The settings of a service on these topics. */
  get environment(): Record<string, string> {
    const { topic, dlqTopic, groupId } = this.names;
    const names = { KAFKA_TOPIC: topic, KAFKA_DLQ_TOPIC: dlqTopic, KAFKA_GROUP_ID: groupId };
    return { KAFKA_BROKERS: this.brokers.join(','), ...names };
  }

  /** Makes the topics and begins to listen. */
  async open(): Promise<void> {
    await Promise.all([this.#admin.connect(), this.producer.connect(), this.#plain.connect()]);
    const topics = [this.names.topic, this.names.dlqTopic].map((topic) => ({ topic, numPartitions: PARTITIONS }));
    await this.#admin.createTopics({ topics, waitForLeaders: true });
    for (const consumer of this.#consumers) consumer.run(async (message) => void this.messages.push(message));
    await Promise.all(this.#consumers.map(({ firstConnected }) => firstConnected));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#consumers.map((consumer) => consumer.stop()), this.producer.disconnect()]);
    await Promise.all([this.#admin.disconnect(), this.#plain.disconnect()]);
  }

  /** Puts a message on the topic of events as it is: also without a key or a value, and without regard to its size. */
  async put(message: Message): Promise<void> {
    await this.#plain.send({ topic: this.names.topic, messages: [message] });
  }

  /** The events of one agreement, or of all, in the order of their topic. */
  events(reference?: string): TopicEvent[] {
    return this.messages
      .filter(({ topic, key }) => topic === this.names.topic && (reference === undefined || key === reference))
      .map((message) => ({ ...message, data: JSON.parse(String(message.value)) as TopicEvent['data'] }));
  }

  /** Waits for an event of an agreement, by its short name. */
  async event(reference: string, name: string, within = 10_000): Promise<TopicEvent> {
    return until(
      `${name} of ${reference}`,
      () => this.events(reference).find(({ headers }) => headers['ce_type'] === `clients.agreement.${name}.v1`),
      within,
    );
  }

  deadLetters(): ReceivedMessage[] {
    return this.messages.filter(({ topic }) => topic === this.names.dlqTopic);
  }

  /** Where the service's consumers stand, added over all partitions. */
  async committed(): Promise<number> {
    const { topic, groupId } = this.names;
    const [offsets] = await this.#admin.fetchOffsets({ groupId, topics: [topic] });
    return (offsets?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
  }
}
