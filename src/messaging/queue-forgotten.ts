import { Inject } from '@nestjs/common';
import { Command, CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { Database } from '../database/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import { FORGOTTEN } from './send.sql.js';
import { SendCode } from './send-code.js';

const BATCH = 1000;
/** In seconds. A day of agreements in one statement would take longer than a statement may. */
const STRETCH = 3_600;
/** In seconds; most of what is forgotten was made a moment ago. */
const LATELY = 600;
/** In milliseconds; between, only the latest are looked at. */
const LOOK_AT_ALL_EVERY = 3_600_000;

/** The safety net under the events: gives how many generations had neither a send nor an event. */
@MustBeHandled
export class QueueForgotten extends Command<number> {}

@CommandHandler(QueueForgotten)
export class QueueForgottenHandler implements ICommandHandler<QueueForgotten> {
  #lookedAtAll = -Infinity;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly database: Database,
    private readonly commands: CommandBus,
  ) {}

  /** At first and every hour all that may still be pending; at the other times the last ten minutes. */
  async execute(): Promise<number> {
    const now = performance.now();
    if (now - this.#lookedAtAll < LOOK_AT_ALL_EVERY) return this.#queue(LATELY, 0);
    const oldest = this.config.otp.agreementTtl / 1000 + STRETCH;
    let queued = 0;
    for (let from = oldest; from > 0; from -= STRETCH) queued += await this.#queue(from, from - STRETCH);
    this.#lookedAtAll = now;
    return queued;
  }

  /** Those of the agreements made from `from` to `to` seconds ago. */
  async #queue(from: number, to: number): Promise<number> {
    const values = [from, Math.max(0, to), BATCH];
    const forgotten = await this.database.query<{ reference: string; generation: number }>(FORGOTTEN, values);
    for (const { reference, generation } of forgotten) {
      await this.commands.execute(new SendCode(reference, generation, null));
    }
    return forgotten.length < BATCH ? forgotten.length : forgotten.length + (await this.#queue(from, to));
  }
}
