import { setTimeout as delay } from 'node:timers/promises';
import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { Database, type Statement } from '../database/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import { ADVANCE, PURGE_CONTACTS, PURGE_DELIVERIES, type PurgedBatch, WATERMARK } from './retention.sql.js';

/** What has a time of its own after an agreement was closed. */
export type Purgeable = 'contacts' | 'deliveries';

/** The statement and how many agreements it takes at a time; of one there may be several sends with several tries. */
const PURGES: Readonly<Record<Purgeable, { readonly statement: Statement; readonly batch: number }>> = {
  contacts: { statement: PURGE_CONTACTS, batch: 500 },
  deliveries: { statement: PURGE_DELIVERIES, batch: 100 },
};
/** Then the other sweeps have their turn; the next time it goes on from there. */
const BATCHES = 20;
/** In milliseconds, after a batch that has written. */
const PAUSE = 50;
const LEAST_REFERENCE = '00000000-0000-0000-0000-000000000000';

/** A place in the index of what is closed. The times stay text: a Date would cut their microseconds off. */
interface Walk {
  readonly closedAt: string;
  readonly reference: string;
  /** Up to here nothing was left out. */
  readonly complete: string;
  /** Something was left out, because somebody else had it in hand. */
  readonly leftOut: boolean;
}

/** Purges what agreements keep no longer that were closed long enough ago; gives how many rows. */
@MustBeHandled
export class PurgeClosed extends Command<number> {
  constructor(readonly what: Purgeable) {
    super();
  }
}

@CommandHandler(PurgeClosed)
export class PurgeClosedHandler implements ICommandHandler<PurgeClosed> {
  readonly #walks = new Map<Purgeable, Walk>();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly database: Database,
  ) {}

  /** Walks from where the last walk came to, 20 batches at most. */
  async execute({ what }: PurgeClosed): Promise<number> {
    const keptFor = (what === 'contacts' ? this.config.retention.contact : this.config.retention.delivery) / 1000;
    const { statement, batch } = PURGES[what];
    let walk = this.#walks.get(what) ?? (await this.#fromWatermark(what));
    let purged = 0;
    for (let batches = 0; batches < BATCHES; batches += 1) {
      const [done] = await this.database.query<PurgedBatch>(statement, [walk.closedAt, walk.reference, keptFor, batch]);
      if (!done) break;
      // Nothing lies behind the watermark, so it need not move: the next walk begins here too, and asks this alone.
      if (done.seen === 0 && walk.reference === LEAST_REFERENCE) {
        this.#walks.set(what, walk);
        return 0;
      }
      purged += done.purged;
      walk = after(walk, done);
      if (done.seen < batch) return await this.#endOf(walk, what, keptFor, purged);
      if (done.purged > 0) await delay(PAUSE);
    }
    this.#walks.set(what, walk);
    await this.database.query(ADVANCE, [what, walk.complete, keptFor]);
    return purged;
  }

  async #fromWatermark(what: Purgeable): Promise<Walk> {
    const [row] = await this.database.query<{ watermark: string }>(WATERMARK, [what]);
    const closedAt = row?.watermark ?? '-infinity';
    return { closedAt, reference: LEAST_REFERENCE, complete: closedAt, leftOut: false };
  }

  async #endOf({ leftOut, complete }: Walk, what: Purgeable, keptFor: number, purged: number): Promise<number> {
    this.#walks.delete(what);
    await this.database.query(ADVANCE, [what, leftOut ? complete : 'infinity', keptFor]);
    return purged;
  }
}

function after(walk: Walk, { due, purged, closed_at, reference }: PurgedBatch): Walk {
  const leftOut = walk.leftOut || purged < due;
  const closedAt = closed_at ?? walk.closedAt;
  return {
    closedAt,
    reference: reference ?? walk.reference,
    complete: leftOut ? walk.complete : closedAt,
    leftOut,
  };
}
