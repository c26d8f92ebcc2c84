import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Database, Stretches } from '../database/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import { type KeptReceipt, Receipts } from './receipts.js';
import { KEPT_FITTING, PURGE } from './receipts.sql.js';

const BATCH = 1000;
/** In seconds. */
const KEPT_FOR = 72 * 3600;
/** In seconds; between a receipt and the record of its acceptance lies no more than a lease. */
const LATELY = 900;

/** What a crash left between a receipt and the acceptance that it came before: gives how many were settled. */
@MustBeHandled
export class SettleReceipts extends Command<number> {}

/** One statement where nothing waits. What fits nothing is looked at when it is new and then once an hour. */
@CommandHandler(SettleReceipts)
export class SettleReceiptsHandler implements ICommandHandler<SettleReceipts> {
  readonly #stretches = new Stretches(KEPT_FOR, [LATELY, 0]);

  constructor(
    private readonly database: Database,
    private readonly receipts: Receipts,
  ) {}

  async execute(): Promise<number> {
    let settled = 0;
    for (const [from, to] of this.#stretches.next()) settled += await this.#settle(from, to, '0');
    return settled;
  }

  /** Those kept from `from` to `to` seconds ago, after this one. */
  async #settle(from: number, to: number, after: string): Promise<number> {
    const fitting = await this.database.query<KeptReceipt>(KEPT_FITTING, [from, to, after, BATCH]);
    let settled = 0;
    for (const receipt of fitting) if (await this.receipts.settleKept(receipt)) settled += 1;
    const last = fitting.at(-1);
    return last && fitting.length === BATCH ? settled + (await this.#settle(from, to, last.id)) : settled;
  }
}

/** Forgets receipts that nothing has fitted for 72 hours: gives how many. */
@MustBeHandled
export class PurgeReceipts extends Command<number> {}

@CommandHandler(PurgeReceipts)
export class PurgeReceiptsHandler implements ICommandHandler<PurgeReceipts> {
  constructor(private readonly database: Database) {}

  async execute(): Promise<number> {
    const deleted = await this.database.query(PURGE, [BATCH]);
    return deleted.length < BATCH ? deleted.length : deleted.length + (await this.execute());
  }
}
