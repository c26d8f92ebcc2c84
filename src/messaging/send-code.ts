import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { v7 as uuidv7 } from 'uuid';
import { CONFIG, type Config } from '../config.js';
import { Database } from '../database/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import { TEST_ROUTE } from './provider-chain.js';
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
  /** Who is asked first, as the statement takes it. */
  readonly #first: string;

  constructor(
    @Inject(CONFIG) { sms, email }: Config,
    private readonly database: Database,
    private readonly sender: Sender,
  ) {
    const byCountry = [...sms.routes].map(([country, [first]]) => [country, first] as const);
    const first = { test: TEST_ROUTE[0], email: email.providers[0], sms: Object.fromEntries(byCountry) };
    this.#first = JSON.stringify(first);
  }

  /** @throws UnknownGeneration */
  async execute({ reference, generation, traceparent }: SendCode): Promise<void> {
    const values = [reference, generation, uuidv7(), traceparent, this.#first];
    const known = await this.database.query(QUEUE, values);
    if (known.length === 0) throw new UnknownGeneration(`there is no generation ${generation} of this agreement`);
    this.sender.wake();
  }
}
