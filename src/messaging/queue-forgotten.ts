import { Inject } from '@nestjs/common';
import { Command, CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { Database, Stretches } from '../database/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import { FORGOTTEN } from './send.sql.js';
import { SendCode } from './send-code.js';

const BATCH = 1000;
/** In seconds; most of what is forgotten was made a moment ago. */
const LATELY = 600;

/** The safety net under the events: gives how many generations had neither a send nor an event. */
@MustBeHandled
export class QueueForgotten extends Command<number> {}

@CommandHandler(QueueForgotten)
export class QueueForgottenHandler implements ICommandHandler<QueueForgotten> {
  readonly #stretches: Stretches;

  constructor(
    @Inject(CONFIG) { otp }: Config,
    private readonly database: Database,
    private readonly commands: CommandBus,
  ) {
    this.#stretches = new Stretches(otp.agreementTtl / 1000, [LATELY, 0]);
  }

  async execute(): Promise<number> {
    let queued = 0;
    for (const [from, to] of this.#stretches.next()) queued += await this.#queue(from, to);
    return queued;
  }

  /** Those of the agreements made from `from` to `to` seconds ago. */
  async #queue(from: number, to: number): Promise<number> {
    const values = [from, to, BATCH];
    const forgotten = await this.database.query<{ reference: string; generation: number }>(FORGOTTEN, values);
    for (const { reference, generation } of forgotten) {
      await this.commands.execute(new SendCode(reference, generation, null));
    }
    return forgotten.length < BATCH ? forgotten.length : forgotten.length + (await this.#queue(from, to));
  }
}
