import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { Batches, Database, DatabaseUnavailable, isUnavailable } from '../database/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import { uuidv7 } from '../uuid.js';
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

/** One generation that is to be noted. */
interface Asked {
  readonly reference: string;
  readonly generation: number;
  readonly id: string;
  readonly traceparent: string | null;
}

/** Only notes it: a provider that hangs must not hold up the events of everybody else. */
@CommandHandler(SendCode)
export class SendCodeHandler implements ICommandHandler<SendCode> {
  /** Who is asked first, as the statement takes it. */
  readonly #first: string;
  /** Whether each is known. PostgreSQL: 114 µs and a commit each one by one, 33 µs sixteen at a time. */
  readonly #queue = new Batches<Asked, boolean>(
    (asked) => this.#note(asked),
    (error) => !isUnavailable(error),
    () => new DatabaseUnavailable('too many codes wait to be queued'),
  );

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
    const known = await this.#queue.add({ reference, generation, id: uuidv7(), traceparent });
    if (!known) throw new UnknownGeneration(`there is no generation ${generation} of this agreement`);
    this.sender.wake();
  }

  async #note(asked: readonly Asked[]): Promise<boolean[]> {
    const numbered = asked.map((one, n) => ({ ...one, n }));
    const found = await this.database.query<{ n: number }>(QUEUE, [JSON.stringify(numbered), this.#first]);
    const known = new Set(found.map(({ n }) => n));
    return asked.map((_, n) => known.has(n));
  }
}
