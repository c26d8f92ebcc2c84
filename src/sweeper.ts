import { Inject, Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ExpireAgreements, ExpireIdempotencyKeys } from './agreement/index.js';
import { PurgeLimitEntries, ReviewHolds, WatchCountries } from './limits/index.js';
import { LOGGER, type Logger } from './logger.js';
import { PurgeReceipts, QueueForgotten, SettleReceipts } from './messaging/index.js';
import { ForgetEndedCodes, PurgeClosed } from './retention/index.js';

const EXPIRE_EVERY = 5_000;
const REVIEW_HOLDS_EVERY = 5_000;
const PURGE_CLOSED_EVERY = 5_000;
const FORGET_CODES_EVERY = 60_000;
const LOOK_FOR_FORGOTTEN_EVERY = 60_000;
const SETTLE_RECEIPTS_EVERY = 30_000;
const WATCH_COUNTRIES_EVERY = 60_000;
const PURGE_EVERY = 60_000;
const EXPIRE_KEYS_EVERY = 300_000;

/** What has to happen without anyone asking. Several processes may sweep at once: what one has done, others find done. */
@Injectable()
export class Sweeper {
  readonly #timers = new Set<NodeJS.Timeout>();
  #running = Promise.resolve();

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
    this.#every(PURGE_CLOSED_EVERY, 'contacts purged', () => this.commands.execute(new PurgeClosed('contacts')));
    this.#every(PURGE_CLOSED_EVERY, 'deliveries purged', () => this.commands.execute(new PurgeClosed('deliveries')));
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#running;
  }

  /** One sweep at a time: a slow one delays the next instead of meeting it. */
  #every(milliseconds: number, what: string, sweep: () => Promise<number>): void {
    const once = async (): Promise<void> => {
      try {
        const count = await sweep();
        if (count > 0) this.logger.info({ count }, what);
      } catch (error) {
        this.logger.warn({ reason: String(error) }, `sweep failed: ${what}`);
      }
    };
    const next = (): void => {
      this.#running = this.#running.then(once);
    };
    // At the start too: what was left behind is most likely to be found after one.
    next();
    this.#timers.add(setInterval(next, milliseconds));
  }
}
