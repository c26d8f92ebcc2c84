import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { Database } from '../database/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import { FORGET_CODES } from './retention.sql.js';

const BATCH = 500;
/** In seconds. A day of agreements in one statement would take longer than a statement may. */
const STRETCH = 3_600;
/** In seconds; most codes are the first of their agreement and end a code's life after it was made. */
const LATELY = 600;
/** In milliseconds; between, only those are looked at whose first code has just ended. */
const LOOK_AT_ALL_EVERY = 3_600_000;

/** Takes out of the rows what codes can be made from and compared with, once they have ended; gives of how many. */
@MustBeHandled
export class ForgetEndedCodes extends Command<number> {}

@CommandHandler(ForgetEndedCodes)
export class ForgetEndedCodesHandler implements ICommandHandler<ForgetEndedCodes> {
  #lookedAtAll = -Infinity;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly database: Database,
  ) {}

  /** At first and every hour all that may still be pending. */
  async execute(): Promise<number> {
    const now = performance.now();
    const { ttl, agreementTtl } = this.config.otp;
    if (now - this.#lookedAtAll < LOOK_AT_ALL_EVERY) return this.#forget(ttl / 1000 + LATELY, ttl / 1000);
    let forgotten = 0;
    for (let from = agreementTtl / 1000 + STRETCH; from > 0; from -= STRETCH) {
      forgotten += await this.#forget(from, Math.max(0, from - STRETCH));
    }
    this.#lookedAtAll = now;
    return forgotten;
  }

  /** Those of the agreements made from `from` to `to` seconds ago. */
  async #forget(from: number, to: number): Promise<number> {
    const { length } = await this.database.query(FORGET_CODES, [from, to, BATCH]);
    return length < BATCH ? length : length + (await this.#forget(from, to));
  }
}
