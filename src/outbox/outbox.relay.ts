import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { failpoint } from '../failpoint.js';
import { LOGGER, type Logger } from '../logger.js';
import type { OutboxEvent } from './cloud-event.js';
import { EVENT_PUBLISHER, type EventPublisher } from './event-publisher.js';
import { DELETE, NEXT, PARK } from './outbox.sql.js';
import { OutboxSignal } from './outbox-signal.js';
import { RelayLeader } from './relay-leader.js';

const BATCH = 500;
/** One partition may get the whole batch, and brokers refuse record batches above 1 MiB by default. */
const BATCH_BYTES = 512 * 1024;
/** The safety poll, from the beginning of the table: nothing waits longer than this because a signal was lost. */
const POLL = 5_000;
const CAMPAIGN = 1_000;
const LONGEST_PAUSE = 5_000;

/**
 * Moves committed events to the publisher: in order, batch by batch, one relay at a time. A row is deleted only after
 * it was acknowledged, so a crash repeats events (same `ce_id`) and never loses one.
 */
@Injectable()
export class OutboxRelay {
  readonly #leader: RelayLeader;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #wake: () => void = () => undefined;
  #woken = false;
  #floor = '0';
  #sweptAt = -Infinity;
  #failures = 0;

  constructor(
    private readonly database: Database,
    @Inject(EVENT_PUBLISHER) private readonly publisher: EventPublisher,
    private readonly signal: OutboxSignal,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#leader = new RelayLeader(database, () => this.#wakeUp());
  }

  /** Begins to publish; resolves once the publisher is reached for the first time. */
  async start(signal: AbortSignal): Promise<void> {
    await this.publisher.connect(signal);
    this.#running = this.#run();
  }

  /** Finishes the batch in hand and gives the leadership back. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wakeUp();
    await this.#running;
    this.signal.listen(undefined);
    await this.#leader.resign();
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        if (!(await this.#lead())) await this.#pause(CAMPAIGN);
        else if ((await this.#publishNext()) === 0) await this.#idle();
        this.#recovered();
      } catch (error) {
        await this.#failed(error);
      }
    }
  }

  async #lead(): Promise<boolean> {
    const led = this.#leader.leads;
    const leads = await this.#leader.campaign();
    if (leads && !led) {
      this.#sweptAt = -Infinity;
      this.signal.listen(() => this.#wakeUp());
    } else if (!leads) this.signal.listen(undefined);
    return leads;
  }

  /** One batch; gives how many events left the outbox. */
  async #publishNext(): Promise<number> {
    if (performance.now() - this.#sweptAt > POLL) {
      this.#floor = '0';
      this.#sweptAt = performance.now();
    }
    this.#woken = false;
    const found = await this.database.query<OutboxEvent>(NEXT, [this.#floor, BATCH]);
    const batch = withinBytes(found);
    const last = batch.at(-1);
    if (!last || !this.#leader.leads) return 0;
    failpoint('relay.read');
    const refused = await this.publisher.publish(batch);
    failpoint('relay.acknowledged');
    for (const { seq, reason } of refused) {
      this.logger.error({ seq, reason }, 'event parked: it cannot be published');
      await this.database.query(PARK, [seq, reason]);
    }
    const parked = new Set(refused.map(({ seq }) => seq));
    const published = batch.map(({ seq }) => seq).filter((seq) => !parked.has(seq));
    if (published.length > 0) await this.database.query(DELETE, [published]);
    failpoint('relay.deleted');
    this.#floor = last.seq;
    return batch.length;
  }

  /** Until there is something to do, or the time has come to look. */
  async #idle(): Promise<void> {
    if (this.#woken || this.#stopping.signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, Math.max(0, this.#sweptAt + POLL - performance.now()));
    await promise;
    clearTimeout(timer);
  }

  #wakeUp(): void {
    this.#woken = true;
    this.#wake();
  }

  #recovered(): void {
    if (this.#failures > 0) this.logger.info({ failures: this.#failures }, 'relay works again');
    this.#failures = 0;
  }

  async #failed(error: unknown): Promise<void> {
    if (!this.#leader.leads) await this.#leader.resign();
    if (this.#failures === 0) this.logger.warn({ reason: String(error) }, 'relay cannot publish; the events wait');
    this.#failures += 1;
    const longest = Math.min(LONGEST_PAUSE, 100 * 2 ** Math.min(this.#failures, 10));
    await this.#pause(randomInt(longest / 2, longest));
  }

  async #pause(milliseconds: number): Promise<void> {
    await delay(milliseconds, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

function withinBytes(events: readonly OutboxEvent[]): readonly OutboxEvent[] {
  let bytes = 0;
  const end = events.findIndex(({ payload }) => (bytes += JSON.stringify(payload).length) > BATCH_BYTES);
  return end === -1 ? events : events.slice(0, Math.max(1, end));
}
