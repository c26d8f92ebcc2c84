import {
  type Broker,
  type Cluster,
  type Consumer,
  type EachBatchHandler,
  type Kafka,
  PartitionAssigners,
} from 'kafkajs';
import { isOutage } from './kafka-errors.js';
import { endsWithin } from './waiting.js';

/** Milliseconds where they are times. */
export interface SessionSettings {
  readonly topic: string;
  readonly groupId: string;
  readonly sessionTimeout: number;
  readonly heartbeatInterval: number;
  /**
   * So long without a heartbeat or a joining: the consumer hangs. A fetch is no sign: after a clock that was set back an
   * hour kafkajs fetches on for that hour without a heartbeat, and the group throws it out again and again.
   */
  readonly stallTimeout: number;
  /** Who this process was in the group before, if it did not leave in peace. */
  readonly formerMember: string | undefined;
}

/** Requests that kafkajs knows but does not put into its types. */
interface LeaveGroup {
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>;
}
interface FindGroupCoordinator {
  findGroupCoordinator(request: { groupId: string; coordinatorType: number }): Promise<unknown>;
}

/** The longest that the group waits for a member which still has a batch in hand. */
const REBALANCE_TIMEOUT = 30_000;
/** How long a fetch may wait for a message; a stop waits as long. */
const MAX_WAIT = 1_000;
const CHECKS_PER_STALL = 10;
/** A member that the group does not hear is thrown out after one session; after two without a heartbeat its connection is dead. */
const SILENT_SESSIONS = 2;
/** The kind of coordinator, in Kafka's protocol: a group's, not a transaction's. */
const OF_GROUP = 0;

/**
 * One life of a consumer: connect, join, fetch until something ends it. kafkajs' own restart is off, because after some
 * errors of an outage it gives up for good (https://github.com/tulios/kafkajs issue 1630) and after others it restarts with
 * what it knew before; a new consumer begins with nothing.
 */
export class ConsumerSession {
  /** What ended it: a crash, or that it hung. Resolves with the error; a session that is closed before never ends. */
  readonly ended: Promise<Error>;
  readonly #settings: SessionSettings;
  readonly #consumer: Consumer;
  readonly #onJoin: (partitions: number[]) => void;
  #end: (error: Error) => void = () => {};
  #cluster: Cluster | undefined;
  #member: string | undefined;
  #watch: NodeJS.Timeout | undefined;
  #lastSign = performance.now();
  #joining = true;
  #fetched = false;
  #closed = false;

  /** @param onJoin called with the assigned partitions whenever the group has settled */
  constructor(kafka: Kafka, settings: SessionSettings, onJoin: (partitions: number[]) => void) {
    this.#settings = settings;
    this.#onJoin = onJoin;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#consumer = kafka.consumer({
      groupId: settings.groupId,
      sessionTimeout: settings.sessionTimeout,
      heartbeatInterval: settings.heartbeatInterval,
      rebalanceTimeout: REBALANCE_TIMEOUT,
      maxWaitTimeInMs: MAX_WAIT,
      allowAutoTopicCreation: false,
      partitionAssigners: [
        (config) => {
          this.#cluster = config.cluster;
          return PartitionAssigners.roundRobin(config);
        },
      ],
      retry: { restartOnFailure: () => Promise.resolve(false) },
    });
    this.#listen();
  }

  /** Whether it got as far as an answered fetch. */
  get hasFetched(): boolean {
    return this.#fetched;
  }

  /** Who this process is in the group; undefined before it joined. */
  get member(): string | undefined {
    return this.#member;
  }

  /** Begins; what goes wrong, now or later, shows in `ended`. */
  async open(eachBatch: EachBatchHandler, concurrentPartitions: number): Promise<void> {
    const { topic, stallTimeout } = this.#settings;
    this.#watch = setInterval(() => this.#checkSigns(), stallTimeout / CHECKS_PER_STALL);
    try {
      await this.#consumer.connect();
      await this.#consumer.subscribe({ topic, fromBeginning: true });
      await this.#askForCoordinator();
      await this.#dismissFormerMember();
      await this.#consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: concurrentPartitions,
        eachBatch,
      });
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Waits for the batches at work, leaves the group and disconnects. @returns whether that was done within `ms` */
  async close(ms: number): Promise<boolean> {
    this.#closed = true;
    clearInterval(this.#watch);
    return await endsWithin(this.#consumer.disconnect(), ms);
  }

  #listen(): void {
    const { CRASH, FETCH, GROUP_JOIN, HEARTBEAT, REBALANCING } = this.#consumer.events;
    this.#consumer.on(CRASH, ({ payload }) => this.#end(payload.error));
    this.#consumer.on(HEARTBEAT, () => this.#sign());
    this.#consumer.on(REBALANCING, () => (this.#joining = true));
    this.#consumer.on(FETCH, () => (this.#fetched = true));
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      this.#member = payload.memberId;
      this.#joining = false;
      this.#sign();
      if (!this.#closed) this.#onJoin(payload.memberAssignment[this.#settings.topic] ?? []);
    });
  }

  /**
   * A member that crashed with its broker could not leave, and the group would wait for it until its session ends, here 6 s
   * without any consumption. It also shuts out a former consumer that hung and comes back to life.
   */
  async #dismissFormerMember(): Promise<void> {
    const { groupId, formerMember: memberId } = this.#settings;
    if (memberId === undefined || !this.#cluster) return;
    const coordinator = (await this.#cluster.findGroupCoordinator({ groupId })) as Broker & LeaveGroup;
    await coordinator.leaveGroup({ groupId, memberId }).catch(() => undefined);
  }

  /**
   * kafkajs keeps to itself why nobody names the group's coordinator, so that a missing permission would look like an
   * outage: the question is put before it, for the answer's sake.
   * @throws where the broker refuses for good
   */
  async #askForCoordinator(): Promise<void> {
    try {
      const broker = (await this.#cluster?.findControllerBroker()) as (Broker & FindGroupCoordinator) | undefined;
      await broker?.findGroupCoordinator({ groupId: this.#settings.groupId, coordinatorType: OF_GROUP });
    } catch (error) {
      if (!isOutage(error)) throw error;
    }
  }

  #sign(): void {
    this.#lastSign = performance.now();
  }

  #checkSigns(): void {
    const silence = performance.now() - this.#lastSign;
    const { stallTimeout, sessionTimeout } = this.#settings;
    const longest = this.#joining ? stallTimeout : Math.min(stallTimeout, SILENT_SESSIONS * sessionTimeout);
    if (silence < longest) return;
    this.#end(new Error(`no sign of life of the consumer for ${Math.round(silence / 1000)} s`));
  }
}
