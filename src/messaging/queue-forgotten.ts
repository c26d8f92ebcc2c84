import { Command, CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Database } from '../database/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import { FORGOTTEN } from './send.sql.js';
import { SendCode } from './send-code.js';

const BATCH = 1000;

/** The safety net under the events: gives how many generations had neither a send nor an event. */
@MustBeHandled
export class QueueForgotten extends Command<number> {}

@CommandHandler(QueueForgotten)
export class QueueForgottenHandler implements ICommandHandler<QueueForgotten> {
  constructor(
    private readonly database: Database,
    private readonly commands: CommandBus,
  ) {}

  async execute(): Promise<number> {
    const forgotten = await this.database.query<{ reference: string; generation: number }>(FORGOTTEN, [BATCH]);
    for (const { reference, generation } of forgotten) {
      await this.commands.execute(new SendCode(reference, generation, null));
    }
    return forgotten.length;
  }
}
