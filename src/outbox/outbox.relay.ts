import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { failpoint } from '../failpoint.js';
import { LOGGER, type Logger } from '../logger.js';
import { Metrics } from '../metrics.js';
import type { OutboxEvent } from './cloud-event.js';
import { EVENT_PUBLISHER, type EventPublisher, type RefusedEvent } from './event-publisher.js';
import { ANY, DELETE, NEXT, PARK } from './outbox.sql.js';
import { OutboxFloor } from './outbox-floor.js';
import { OutboxSignal } from './outbox-signal.js';
import { RelayLeader } from './relay-leader.js';

const BATCH = 500;
/** Of JSON. What is being published when a leader dies is what its successor repeats; twice that lies in memory at once. */
const BATCH_BYTES = 512 * 1024;
/** The safety poll, from the beginning of the table: nothing waits longer than this, whatever went wrong with signals. */
const POLL = 5_000;
const CAMPAIGN = 1_000;
const LONGEST_PAUSE = 5_000;
/** Who has published nothing for so long may be alone with its trouble: another relay may reach what this one cannot. */
const HAND_OVER_AFTER = 15_000;

interface NextEvent extends OutboxEvent {
  /** The oldest transaction that ran when it was read; an id of PostgreSQL as text. */
  readonly oldest_running: string;
}

/**
 * Moves committed events to the publisher: in order, batch by batch, one relay at a time. A row is deleted only after
 * it was acknowledged, so a crash repeats events (same `ce_id`) and never loses one. Where there is a backlog the next
 * batch is read while one is published, but not published before that one is acknowledged and deleted.
 *
 * No event is published for the first time before its predecessor, also by a leader that was stopped in the middle of
 * a batch and goes on beside its successor: whoever hands over an event either handed over the one before it and had
 * that acknowledged, or found it gone from the outbox, which it leaves acknowledged only (a parked one apart). It needs
 * no look at the leadership between the parts of a batch: what is sent late repeats what is already there, or is next.
 */
@Injectable()
export class OutboxRelay {
  readonly #leader: RelayLeader;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #wake: () => void = () => undefined;
  #woken = false;
  readonly #floor = new OutboxFloor();
  /** The batch behind the one in hand. */
  #ahead: Promise<NextEvent[]> | undefined;
  #sweptAt = -Infinity;
  #failures = 0;
  #failingSince = Infinity;

  constructor(
    private readonly database: Database,
    @Inject(EVENT_PUBLISHER) private readonly publisher: EventPublisher,
    private readonly signal: OutboxSignal,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly metrics: Metrics,
  ) {
    this.#leader = new RelayLeader(database, { woken: () => this.#wakeUp(), lost: () => this.#lost() });
  }

  /** Begins to publish; resolves once the publisher is reached for the first time. */
  async start(signal: AbortSignal): Promise<void> {
    const { relayLeader } = this.metrics;
    this.metrics.atScrape([relayLeader], () => relayLeader.set(this.#leader.leads ? 1 : 0));
    await this.publisher.connect(signal);
    this.#running = this.#run();
  }

  /** Finishes the batch in hand and gives the leadership back; ends when each step of that has ended or timed out. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wakeUp();
    await this.#running;
    await this.#leader.resign();
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        if (!(await this.#lead())) await this.#pause(CAMPAIGN);
        else if (!(await this.#publishNext())) await this.#idle();
        this.#recovered();
      } catch (error) {
        await this.#failed(error);
      }
    }
  }

  async #lead(): Promise<boolean> {
    if (this.#leader.leads) return true;
    if (!(await this.#leader.campaign())) return false;
    this.logger.info('this relay leads');
    this.#sweptAt = -Infinity;
    this.signal.listen(() => this.#wakeUp());
    return true;
  }

  /** From here on the signals of this process are for the next leader, and this relay campaigns without delay. */
  #lost(): void {
    this.logger.info('this relay does not lead any more');
    this.signal.listen(undefined);
    this.#ahead = undefined;
    this.#wakeUp();
  }

  /** One batch; gives whether there may be more. */
  async #publishNext(): Promise<boolean> {
    const batch = await this.#take();
    const last = batch.at(-1);
    if (!last) return false;
    if (!this.#leader.leads) return true;
    failpoint('relay.read');
    if (isFull(batch)) this.#readAhead(batch);
    const refused = await this.publisher.publish(batch);
    failpoint('relay.acknowledged');
    const deletedBy = await this.#delete(batch, refused);
    failpoint('relay.deleted');
    if (refused.length > 0) await this.#park(refused);
    else if (deletedBy) this.#floor.passed(last.seq, last.oldest_running, deletedBy);
    return true;
  }

  /** What was read ahead, else what there is now. */
  #take(): Promise<NextEvent[]> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    return ahead ?? this.#read([]);
  }

  /**
   * From the floor again, without what is in hand: a predecessor of an event behind it may have come up among its numbers.
   */
  #readAhead(inHand: readonly OutboxEvent[]): void {
    this.#ahead = this.#read(inHand.map(({ seq }) => seq));
    // Of no interest where the batch in hand fails first.
    this.#ahead.catch(() => undefined);
  }

  async #read(inHand: readonly string[]): Promise<NextEvent[]> {
    const woken = this.#woken;
    this.#woken = false;
    if (performance.now() - this.#sweptAt > POLL) {
      this.#floor.reset();
      this.#sweptAt = performance.now();
      // Most looks that nobody asked for find nothing.
      if (!woken && inHand.length === 0 && (await this.database.query(ANY, [])).length === 0) return [];
    }
    return this.database.query<NextEvent>(NEXT, [this.#floor.seq, BATCH, BATCH_BYTES, inHand]);
  }

  /** What is acknowledged, whoever leads by now; gives the transaction that did it. */
  async #delete(batch: readonly OutboxEvent[], refused: readonly RefusedEvent[]): Promise<string | undefined> {
    const kept = new Set(refused.map(({ seq }) => seq));
    const published = batch.map(({ seq }) => seq).filter((seq) => !kept.has(seq));
    if (published.length === 0) return undefined;
    const [deletion] = await this.database.query<{ xid: string }>(DELETE, [published]);
    this.metrics.eventsPublished.inc(published.length);
    return deletion?.xid;
  }

  /**
   * Only a leader's refusals count: an old one may have been refused long ago. One that is not parked comes before its
   * successors again, so what was read ahead without it is read anew, and from the beginning of the table.
   */
  async #park(refused: readonly RefusedEvent[]): Promise<void> {
    this.#ahead = undefined;
    this.#floor.reset();
    for (const { seq, reason } of refused) {
      if (!this.#leader.leads) return;
      this.logger.error({ seq, reason }, 'event parked: it cannot be published');
      await this.database.query(PARK, [seq, reason]);
    }
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
    this.#failingSince = Infinity;
  }

  async #failed(error: unknown): Promise<void> {
    this.#ahead = undefined;
    this.#failingSince = Math.min(this.#failingSince, performance.now());
    const handsOver = performance.now() - this.#failingSince > HAND_OVER_AFTER;
    if (handsOver) this.#failingSince = Infinity;
    if (handsOver || !this.#leader.leads) await this.#leader.resign();
    if (this.#failures === 0) this.logger.warn({ reason: String(error) }, 'relay cannot publish; the events wait');
    this.#failures += 1;
    this.metrics.relayFailures.inc();
    const longest = Math.min(LONGEST_PAUSE, 100 * 2 ** Math.min(this.#failures, 10));
    await this.#pause(randomInt(longest / 2, longest));
  }

  async #pause(milliseconds: number): Promise<void> {
    await delay(milliseconds, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

/** Whether there is likely to be more: the bounds have ended it, and not the table. */
function isFull(batch: readonly OutboxEvent[]): boolean {
  return batch.length === BATCH || batch.reduce((sum, { payload }) => sum + payload.length, 0) > BATCH_BYTES / 4;
}
