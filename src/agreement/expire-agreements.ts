import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Database, type Statement } from '../database/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import { AgreementRepository } from './agreement.repository.js';

/** Rows that are looked at again although the sweep has passed them: commits that were late for it. */
const OVERLAP_SECONDS = 60;
const BATCH = 500;
/** Sweeps. Where nothing has expired the watermark need not follow the time closely. */
const ADVANCE_EVERY = 12;

/** Walks the index on expires_at from where the last sweep came to; without the watermark it would grow for ever. */
const DUE: Statement = {
  name: 'agreement_due',
  text: `
    SELECT reference FROM agreement
    WHERE expires_at <= now() AND status = 'pending'
      AND expires_at > COALESCE((SELECT watermark FROM sweep WHERE name = 'expiry'), '-infinity')
    ORDER BY expires_at LIMIT $1`,
};

const ADVANCE: Statement = {
  name: 'agreement_due_advance',
  text: `
    INSERT INTO sweep (name, watermark) VALUES ('expiry', now() - make_interval(secs => $1))
    ON CONFLICT (name) DO UPDATE SET watermark = GREATEST(sweep.watermark, excluded.watermark)`,
};

/** Writes down what has expired; gives how many. Several processes may do so at once. */
@MustBeHandled
export class ExpireAgreements extends Command<number> {}

@CommandHandler(ExpireAgreements)
export class ExpireAgreementsHandler implements ICommandHandler<ExpireAgreements> {
  #foundNothing = -1;

  constructor(
    private readonly database: Database,
    private readonly agreements: AgreementRepository,
  ) {}

  async execute(): Promise<number> {
    let expired = 0;
    for (;;) {
      const due = await this.database.query<{ reference: string }>(DUE, [BATCH]);
      for (const { reference } of due) {
        await this.agreements.change(reference, null, null, ({ agreement, now }) => agreement.expire(now));
      }
      expired += due.length;
      if (due.length < BATCH) break;
    }
    this.#foundNothing = expired > 0 ? 0 : this.#foundNothing + 1;
    if (this.#foundNothing % ADVANCE_EVERY === 0) await this.database.query(ADVANCE, [OVERLAP_SECONDS]);
    return expired;
  }
}
