import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { Database, Stretches } from '../database/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import { FORGET_CODES } from './retention.sql.js';

const BATCH = 500;
/** In seconds; most codes are the first of their agreement and end a code's life after it was made. */
const LATELY = 600;

/** Takes out of the rows what codes can be made from and compared with, once they have ended; gives of how many. */
@MustBeHandled
export class ForgetEndedCodes extends Command<number> {}

@CommandHandler(ForgetEndedCodes)
export class ForgetEndedCodesHandler implements ICommandHandler<ForgetEndedCodes> {
  readonly #stretches: Stretches;

  constructor(
    @Inject(CONFIG) { otp }: Config,
    private readonly database: Database,
  ) {
    const life = otp.ttl / 1000;
    this.#stretches = new Stretches(otp.agreementTtl / 1000, [life + LATELY, life]);
  }

  async execute(): Promise<number> {
    let forgotten = 0;
    for (const [from, to] of this.#stretches.next()) forgotten += await this.#forget(from, to);
    return forgotten;
  }

  /** Those of the agreements made from `from` to `to` seconds ago. */
  async #forget(from: number, to: number): Promise<number> {
    const { length } = await this.database.query(FORGET_CODES, [from, to, BATCH]);
    return length < BATCH ? length : length + (await this.#forget(from, to));
  }
}
