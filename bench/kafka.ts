import type { Admin } from 'kafkajs';
import { pino } from 'pino';
import type { PlainAccess, StoredRecord } from '../src/kafka/plain-access.js';
import type { KafkaBroker } from '../test/support/kafka-broker.js';
import { pin } from './machine.js';

/** As many as the service makes. */
const PARTITIONS = 6;
const PROPERTIES = {
  // As a broker has them by itself; the specs' own are small.
  ...{ 'log.segment.bytes': '1073741824', 'num.network.threads': '3', 'num.io.threads': '8' },
  // Usually a minute: what a topic has forgotten would be there again after `kill`.
  'log.flush.start.offset.checkpoint.interval.ms': '1000',
};

/** A real Kafka of one broker for one run of the bench, and a client that makes topics and looks into them. */
export class BenchKafka {
  private constructor(
    private readonly broker: KafkaBroker,
    private readonly admin: Admin,
    private readonly access: PlainAccess,
  ) {}

  /**
   * Starts one as the specs do: in Docker, else in Java; or takes the one that `KAFKA_BROKERS` names.
   * @param core where it runs, if it is a process of this machine; none leaves it to the scheduler
   * @throws where none can be had
   */
  static async start(core: number | undefined): Promise<BenchKafka> {
    const broker = await startBroker();
    try {
      if (core !== undefined && broker.pid !== undefined) await pin(broker.pid, core);
      const [admin, access] = await connect(broker.brokers);
      return new BenchKafka(broker, admin, access);
    } catch (error) {
      await broker.stop();
      throw error;
    }
  }

  /** What a service is told of them. */
  get brokers(): string {
    return this.broker.brokers.join(',');
  }

  /** Of the broker, while it runs as a process of its own on this machine. */
  get pid(): number | undefined {
    return this.broker.pid;
  }

  async createTopics(...names: string[]): Promise<void> {
    const topics = names.map((topic) => ({ topic, numPartitions: PARTITIONS }));
    await this.admin.createTopics({ topics, waitForLeaders: true });
  }

  /** How many messages a topic holds: over all partitions, its end less its beginning. */
  async count(topic: string): Promise<number> {
    const partitions = await this.admin.fetchTopicOffsets(topic);
    return partitions.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  }

  /** Every message that a topic holds, partition by partition, each in its order. */
  async *read(topic: string): AsyncGenerator<StoredRecord> {
    for (const { partition, low, high } of await this.admin.fetchTopicOffsets(topic)) {
      for (let at = BigInt(low); at < BigInt(high);) {
        const records = await this.access.fetch(topic, partition, at);
        yield* records;
        at = (records.at(-1)?.offset ?? BigInt(high)) + 1n;
      }
    }
  }

  /** Forgets what a topic holds, so that the next round counts from nothing; its offsets go on. */
  async empty(topic: string): Promise<void> {
    const partitions = (await this.admin.fetchTopicOffsets(topic)).filter(({ high, low }) => high !== low);
    if (partitions.length === 0) return;
    const ends = partitions.map(({ partition, high }) => ({ partition, offset: high }));
    await this.admin.deleteTopicRecords({ topic, partitions: ends });
  }

  /** SIGKILL; what it had written stays for `restart`. Only one that was started here. */
  kill(): Promise<void> {
    return this.broker.kill();
  }

  /** The same broker on the same port and data; where it was bound to a core before, that is forgotten. */
  restart(): Promise<void> {
    return this.broker.restart();
  }

  async stop(): Promise<void> {
    await Promise.allSettled([this.admin.disconnect(), this.access.disconnect()]);
    await this.broker.stop();
  }
}

/** The specs' own broker: its sources are not built, so Node runs them as they are. */
async function startBroker(): Promise<KafkaBroker> {
  const support = new URL('../test/support/', import.meta.url);
  await import(new URL('typescript-hook.mjs', support).href);
  const { startKafkaBroker } = (await import(
    new URL('kafka-broker.ts', support).href
  )) as typeof import('../test/support/kafka-broker.js');
  return startKafkaBroker({ properties: PROPERTIES });
}

async function connect(brokers: string[]): Promise<[Admin, PlainAccess]> {
  const built = new URL('../dist/kafka/', import.meta.url);
  const { createKafka } = (await import(
    new URL('kafka-client.js', built).href
  )) as typeof import('../src/kafka/kafka-client.js');
  const { PlainAccess } = (await import(
    new URL('plain-access.js', built).href
  )) as typeof import('../src/kafka/plain-access.js');
  const names = { topic: '', dlqTopic: '', groupId: '', clientId: 'bench' };
  const kafka = createKafka({ brokers, ...names, ssl: false }, pino({ level: 'silent' }));
  const admin = kafka.admin();
  const access = new PlainAccess(kafka);
  await Promise.all([admin.connect(), access.connect()]);
  return [admin, access];
}
