import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { v7 as uuidv7 } from 'uuid';
import { Database } from '../database/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import { QUEUE } from './send.sql.js';
import { Sender } from './sender.js';

/** No agreement here has asked for this code. */
class UnknownGeneration extends Error {}

/** One generation must reach the person. Asking again changes nothing. */
@MustBeHandled
export class SendCode extends Command<void> {
  constructor(
    readonly reference: string,
    readonly generation: number,
    readonly traceparent: string | null,
  ) {
    super();
  }
}

/** Only notes it: a provider that hangs must not hold up the events of everybody else. */
@CommandHandler(SendCode)
export class SendCodeHandler implements ICommandHandler<SendCode> {
  constructor(
    private readonly database: Database,
    private readonly sender: Sender,
  ) {}

  /** @throws UnknownGeneration */
  async execute({ reference, generation, traceparent }: SendCode): Promise<void> {
    const known = await this.database.query(QUEUE, [reference, generation, uuidv7(), traceparent]);
    if (known.length === 0) throw new UnknownGeneration(`there is no generation ${generation} of this agreement`);
    this.sender.wake();
  }
}
