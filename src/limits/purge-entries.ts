import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config, longestWindow } from '../config.js';
import { Database, firstReference, type Statement } from '../database/index.js';
import { MustBeHandled } from '../must-be-handled.js';

const BATCH = 1000;

/** Forgets what no window reaches any more: gives how many entries. */
@MustBeHandled
export class PurgeLimitEntries extends Command<number> {}

/** A code is asked for while its agreement is pending, so an old agreement has only old entries. */
const PURGE: Statement = {
  name: 'limit_purge',
  text: `
    WITH old AS (
      SELECT reference, generation FROM limit_entry WHERE reference < ${firstReference('$1')}
      ORDER BY reference LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    DELETE FROM limit_entry e USING old WHERE e.reference = old.reference AND e.generation = old.generation
    RETURNING 1 AS deleted`,
};

@CommandHandler(PurgeLimitEntries)
export class PurgeLimitEntriesHandler implements ICommandHandler<PurgeLimitEntries> {
  readonly #age: number;

  constructor(
    @Inject(CONFIG) { limits, otp }: Config,
    private readonly database: Database,
  ) {
    this.#age = (longestWindow(limits) + otp.agreementTtl) / 1000;
  }

  async execute(): Promise<number> {
    const deleted = await this.database.query(PURGE, [this.#age, BATCH]);
    return deleted.length < BATCH ? deleted.length : deleted.length + (await this.execute());
  }
}
