import type { IHeaders, Kafka } from 'kafkajs';

/** A record as it lies in its partition. */
export interface StoredRecord {
  readonly partition: number;
  readonly offset: bigint;
  /** When it was written, in milliseconds since the epoch. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
}

/** What is used of kafkajs/src/broker/index.js and kafkajs/src/cluster/index.js, which have no types of their own. */
interface Broker {
  fetch(request: {
    readonly maxWaitTime: number;
    readonly maxBytes: number;
    readonly topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[];
  }): Promise<{ responses: { partitions: { messages: FetchedMessage[] }[] }[] }>;
  offsetCommit(request: {
    readonly groupId: string;
    readonly groupGenerationId: number;
    readonly memberId: string;
    readonly topics: { topic: string; partitions: { partition: number; offset: string }[] }[];
  }): Promise<unknown>;
}
interface FetchedMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: IHeaders;
  readonly isControlRecord?: boolean;
}
interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>;
  findBroker(which: { nodeId: string }): Promise<Broker>;
  findGroupCoordinator(which: { groupId: string }): Promise<Broker>;
}

const CREATE_CLUSTER = 'private:Kafka:createCluster';
const FETCH_BYTES = 1024 * 1024;
const FETCH_WAIT = 500;

/**
 * Reads partitions and sets a group's offsets without being a member of any group, as Kafka's own tools do. kafkajs can
 * do that inside, but shows it only through a consumer: joining a group takes a broker with the usual settings 3 s each
 * time, needs the right to that group, and leaves it behind when the process is killed.
 */
export class PlainAccess {
  readonly #cluster: Cluster;

  constructor(kafka: Kafka) {
    const name = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER);
    if (!name) throw new Error('kafkajs is not the version that this was written for');
    const create = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[name];
    if (!create) throw new Error('kafkajs is not the version that this was written for');
    this.#cluster = create({ allowAutoTopicCreation: false, metadataMaxAge: 300_000 });
  }

  connect(): Promise<void> {
    return this.#cluster.connect();
  }

  disconnect(): Promise<void> {
    return this.#cluster.disconnect();
  }

  /** The records of a partition from an offset on, as many as the broker gives at a time; none at its end. */
  async fetch(topic: string, partition: number, from: bigint): Promise<StoredRecord[]> {
    await this.#cluster.addTargetTopic(topic);
    const [leader] = Object.keys(this.#cluster.findLeaderForPartitions(topic, [partition]));
    if (leader === undefined) return [];
    const broker = await this.#cluster.findBroker({ nodeId: leader });
    const partitions = [{ partition, fetchOffset: String(from), maxBytes: FETCH_BYTES }];
    const request = { maxWaitTime: FETCH_WAIT, maxBytes: FETCH_BYTES, topics: [{ topic, partitions }] };
    const { responses } = await broker.fetch(request);
    const messages = responses.flatMap((response) => response.partitions).flatMap((found) => found.messages);
    // A batch is given whole, with what lies before the offset that was asked for.
    return messages
      .filter(({ offset, isControlRecord }) => BigInt(offset) >= from && isControlRecord !== true)
      .map(({ offset, timestamp, key, value, headers = {} }) => {
        return { partition, offset: BigInt(offset), timestamp: Number(timestamp), key, value, headers };
      });
  }

  /** Sets where a group without members stands. @throws where it has members */
  async commit(groupId: string, topic: string, partition: number, offset: bigint): Promise<void> {
    const coordinator = await this.#cluster.findGroupCoordinator({ groupId });
    const topics = [{ topic, partitions: [{ partition, offset: String(offset) }] }];
    await coordinator.offsetCommit({ groupId, groupGenerationId: -1, memberId: '', topics });
  }
}
