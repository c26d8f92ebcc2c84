import { randomUUID } from 'node:crypto';
import { describe } from '@jest/globals';
import { type Admin, type Broker, type Cluster, type Kafka, type PartitionAssigner, PartitionAssigners } from 'kafkajs';
import { pino } from 'pino';
import {
  createKafka,
  KafkaConsumer,
  type KafkaConsumerOptions,
  KafkaProducer,
  type MessageHandler,
} from '../../../src/kafka/index.js';
import { kafkaAvailability, type KafkaBroker, startKafkaBroker } from '../kafka-broker.js';

/** `describe` for specs that harm their broker; skipped, with the reason in the name, where none can be had, but not in CI. */
export function describeWithOwnKafka(name: string, specs: () => void): void {
  const available = kafkaAvailability({ own: true });
  const missing = process.env['TEST_KAFKA_MISSING'] ?? ('missing' in available ? available.missing : undefined);
  if (missing === undefined || process.env['CI'] === 'true') describe(name, specs);
  else describe.skip(`${name} (${missing})`, specs);
}

/** A request that kafkajs knows but does not put into its types. */
interface LeaveGroup {
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>;
}

/** A broker of one's own with what a spec does to it: one topic at a time, any number of consumers. */
export class KafkaWorkbench {
  readonly log = pino({ level: 'silent' });
  topic = '';
  #consumers: KafkaConsumer[] = [];

  private constructor(
    readonly broker: KafkaBroker,
    readonly admin: Admin,
    readonly producer: KafkaProducer,
  ) {}

  /** @param properties added to the broker's server.properties */
  static async start(properties: Readonly<Record<string, string>> = {}): Promise<KafkaWorkbench> {
    const broker = await startKafkaBroker({ own: true, properties });
    const log = pino({ level: 'silent' });
    const kafka = clientOf(broker, log);
    const bench = new KafkaWorkbench(broker, kafka.admin(), new KafkaProducer(kafka, 'none', log));
    await Promise.all([bench.admin.connect(), bench.producer.connect()]);
    return bench;
  }

  async stop(): Promise<void> {
    await Promise.all([this.producer.disconnect(), this.admin.disconnect()]);
    await this.broker.stop();
  }

  async stopConsumers(): Promise<void> {
    await Promise.all(this.#consumers.splice(0).map((consumer) => consumer.stop()));
  }

  newKafka(): Kafka {
    return clientOf(this.broker, this.log);
  }

  /** Makes a new topic the one that is sent to and consumed from. */
  async useTopic(partitions: number): Promise<string> {
    this.topic = `t-${randomUUID()}`;
    await this.admin.createTopics({ topics: [{ topic: this.topic, numPartitions: partitions }] });
    return this.topic;
  }

  send(...keyed: [key: string, value: string][]): Promise<void> {
    const messages = keyed.map(([key, value]) => ({ key, value, headers: { ce_type: 'test' } }));
    return this.producer.sendBatch(messages, this.topic);
  }

  /** A running consumer with a client of its own and short waits; `stopConsumers` stops it. */
  consume(groupId: string, handle: MessageHandler, options: Partial<KafkaConsumerOptions> = {}): KafkaConsumer {
    const consumer = new KafkaConsumer(
      this.newKafka(),
      {
        topic: this.topic,
        groupId,
        sessionTimeout: 2_000,
        retryDelay: { initial: 20, max: 50 },
        restartDelay: { initial: 50, max: 200 },
        onFatal: (error) => {
          throw error;
        },
        ...options,
      },
      this.log,
    );
    this.#consumers.push(consumer);
    consumer.run(handle);
    return consumer;
  }

  /** Messages of the topic that the group has committed, over all partitions. */
  async committed(groupId: string): Promise<number> {
    const [offsets] = await this.admin.fetchOffsets({ groupId, topics: [this.topic] });
    return (offsets?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
  }

  async group(groupId: string): Promise<{ state: string; members: { readonly memberId: string }[] }> {
    const { groups } = await this.admin.describeGroups([groupId]);
    return groups[0] ?? { state: 'unknown', members: [] };
  }

  /** Puts every member out of a group, as an administrator can. */
  async expel(groupId: string): Promise<void> {
    const { members } = await this.group(groupId);
    let cluster: Cluster | undefined;
    const assigner: PartitionAssigner = (config) => {
      ({ cluster } = config);
      return PartitionAssigners.roundRobin(config);
    };
    const stranger = this.newKafka().consumer({ groupId, partitionAssigners: [assigner] });
    await stranger.connect();
    const coordinator = (await cluster?.findGroupCoordinator({ groupId })) as Broker & LeaveGroup;
    for (const { memberId } of members) await coordinator.leaveGroup({ groupId, memberId });
    await stranger.disconnect();
  }
}

function clientOf({ brokers }: KafkaBroker, log: KafkaWorkbench['log']): Kafka {
  const names = { topic: 'none', dlqTopic: 'none', groupId: 'none', clientId: 'spec' };
  return createKafka({ brokers, ...names, ssl: false }, log);
}

/** `each` messages for each of `keys` keys, in turn; the values count up. */
export function numbered(keys: number, each: number): [key: string, value: string][] {
  return Array.from({ length: keys * each }, (_, n) => [`k${n % keys}`, String(n)]);
}
