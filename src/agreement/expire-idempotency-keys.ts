import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Database } from '../database/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import { FORGET } from './idempotency.sql.js';

/** Few enough that nobody waits for the locks. */
const BATCH = 1_000;

/** Forgets the answers whose 24 hours are over; gives how many. Several processes may do so at once. */
@MustBeHandled
export class ExpireIdempotencyKeys extends Command<number> {}

@CommandHandler(ExpireIdempotencyKeys)
export class ExpireIdempotencyKeysHandler implements ICommandHandler<ExpireIdempotencyKeys> {
  constructor(private readonly database: Database) {}

  async execute(): Promise<number> {
    for (let count = 0; ;) {
      const gone = await this.database.query(FORGET, [BATCH]);
      count += gone.length;
      if (gone.length < BATCH) return count;
    }
  }
}
