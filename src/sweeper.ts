import { Inject, Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ExpireAgreements, ExpireIdempotencyKeys } from './agreement/index.js';
import { PurgeLimitEntries, ReviewHolds, WatchCountries } from './limits/index.js';
import { LOGGER, type Logger } from './logger.js';
import { PurgeReceipts, QueueForgotten, SettleReceipts } from './messaging/index.js';
import { ForgetEndedCodes, type Purgeable, PurgeClosed } from './retention/index.js';

/** Milliseconds. With nothing to be done the sweeps ask 0.6 queries a second together. */
const EXPIRE_EVERY = 5_000;
const REVIEW_HOLDS_EVERY = 10_000;
const PURGE_CLOSED_EVERY = 10_000;
/** While there is something to purge. */
const PURGE_MORE_AFTER = 5_000;
const FORGET_CODES_EVERY = 60_000;
const LOOK_FOR_FORGOTTEN_EVERY = 60_000;
const SETTLE_RECEIPTS_EVERY = 30_000;
const WATCH_COUNTRIES_EVERY = 60_000;
const PURGE_EVERY = 60_000;
const EXPIRE_KEYS_EVERY = 300_000;

/** What has to happen without anyone asking. Several processes may sweep at once: what one has done, others find done. */
@Injectable()
export class Sweeper {
  /** One for each sweep that waits for its time. */
  readonly #timers = new Set<NodeJS.Timeout>();
  #stopped = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly commands: CommandBus,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  start(): void {
    this.#every(EXPIRE_EVERY, 'agreements expired', () => this.commands.execute(new ExpireAgreements()));
    this.#every(LOOK_FOR_FORGOTTEN_EVERY, 'forgotten codes found', () => this.commands.execute(new QueueForgotten()));
    this.#every(REVIEW_HOLDS_EVERY, 'holds released', () => this.commands.execute(new ReviewHolds()));
    this.#every(WATCH_COUNTRIES_EVERY, 'countries suspected', () => this.commands.execute(new WatchCountries()));
    this.#every(PURGE_EVERY, 'counted sends forgotten', () => this.commands.execute(new PurgeLimitEntries()));
    this.#every(SETTLE_RECEIPTS_EVERY, 'receipts settled', () => this.commands.execute(new SettleReceipts()));
    this.#every(PURGE_EVERY, 'receipts forgotten', () => this.commands.execute(new PurgeReceipts()));
    this.#every(EXPIRE_KEYS_EVERY, 'kept answers expired', () => this.commands.execute(new ExpireIdempotencyKeys()));
    this.#every(FORGET_CODES_EVERY, 'ended codes forgotten', () => this.commands.execute(new ForgetEndedCodes()));
    const purge = (what: Purgeable) => () => this.commands.execute(new PurgeClosed(what));
    this.#every(PURGE_CLOSED_EVERY, 'contacts purged', purge('contacts'), PURGE_MORE_AFTER);
    this.#every(PURGE_CLOSED_EVERY, 'deliveries purged', purge('deliveries'), PURGE_MORE_AFTER);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#running;
  }

  /**
   * One sweep at a time: a slow one delays the next instead of meeting it.
   * @param milliseconds from the end of one to the next
   * @param afterFinding the same where one found something
   */
  #every(milliseconds: number, what: string, sweep: () => Promise<number>, afterFinding = milliseconds): void {
    const once = async (): Promise<number> => {
      try {
        const count = await sweep();
        if (count > 0) this.logger.info({ count }, what);
        return count;
      } catch (error) {
        this.logger.warn({ reason: String(error) }, `sweep failed: ${what}`);
        return 0;
      }
    };
    const next = async (): Promise<void> => {
      if (this.#stopped) return;
      const wait = (await once()) > 0 ? afterFinding : milliseconds;
      if (!this.#stopped) this.#after(wait, next);
    };
    // At the start too: what was left behind is most likely to be found after one.
    this.#running = this.#running.then(next);
  }

  #after(milliseconds: number, next: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#running = this.#running.then(next);
    }, milliseconds);
    this.#timers.add(timer);
  }
}
