import { Writable } from 'node:stream';
import { pino } from 'pino';
import { readConfig } from '../../src/config.js';
import { Database } from '../../src/database/index.js';
import { Metrics } from '../../src/metrics.js';
import {
  type EventPublisher,
  type OutboxEvent,
  OutboxRelay,
  OutboxSignal,
  type RefusedEvent,
} from '../../src/outbox/index.js';
import type { TestDatabase } from './database.js';
import { testEnvironment } from './service.js';

/** A published event, and when. */
export interface Published {
  readonly reference: string;
  readonly sequence: number;
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
}

/** A relay in this process, real but for its publisher, which writes down what it is given. */
export class TestRelay implements EventPublisher {
  readonly published: Published[] = [];
  readonly batches: (readonly OutboxEvent[])[] = [];
  /** When it began and ceased to lead, in milliseconds of the monotonic clock, in turn. */
  readonly changes: number[] = [];
  /** References whose events it refuses from here on. */
  readonly refused = new Set<string>();
  /** Nothing can be published from here. */
  cutOff = false;
  readonly #relay: OutboxRelay;
  readonly #signal: OutboxSignal;
  readonly #database: Database;
  #gate: PromiseWithResolvers<void> | undefined;
  #stopped: Promise<void> | undefined;

  private constructor(database: TestDatabase, env: Record<string, string>) {
    const sink = new Writable({ write: (line: Buffer, _encoding, done) => (this.#note(String(line)), done()) });
    const logger = pino({ level: 'info', base: null }, sink);
    const metrics = new Metrics();
    this.#database = new Database(readConfig(testEnvironment(database, env)), logger, [], metrics);
    this.#signal = new OutboxSignal(this.#database, logger);
    this.#relay = new OutboxRelay(this.#database, this, this.#signal, logger, metrics);
    database.onEnd(() => this.stop());
  }

  /** @param env where it finds the database: `DATABASE_URL`, `DATABASE_DIRECT_URL` */
  static async start(database: TestDatabase, env: Record<string, string> = {}): Promise<TestRelay> {
    const relay = new TestRelay(database, env);
    await relay.#database.connect(new AbortController().signal, () => undefined);
    await relay.#relay.start(new AbortController().signal);
    return relay;
  }

  get leads(): boolean {
    return this.changes.length % 2 === 1;
  }

  async connect(): Promise<void> {}

  async publish(events: readonly OutboxEvent[]): Promise<readonly RefusedEvent[]> {
    this.batches.push(events);
    await this.#gate?.promise;
    if (this.cutOff) throw new Error('cut off');
    const at = performance.now();
    const taken = events.filter(({ aggregateid }) => !this.refused.has(aggregateid));
    this.published.push(...taken.map(({ aggregateid, sequence }) => ({ reference: aggregateid, sequence, at })));
    return events.filter((event) => !taken.includes(event)).map(({ seq }) => ({ seq, reason: 'refused' }));
  }

  /** Something was committed in its own process. */
  wake(): void {
    this.#signal.notify();
  }

  /** From here on what it is given is not acknowledged before `release`. */
  hold(): void {
    this.#gate = Promise.withResolvers();
  }

  release(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  /** Gives how many milliseconds the relay took to stop. */
  async stopRelay(): Promise<number> {
    this.release();
    const asked = performance.now();
    await this.#relay.stop();
    return performance.now() - asked;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.stopRelay().then(() => this.#database.close());
    return this.#stopped;
  }

  #note(line: string): void {
    if (/this relay (leads|does not lead)/.test(line)) this.changes.push(performance.now());
  }
}
