import { Injectable } from '@nestjs/common';
import {
  Batches,
  Database,
  DatabaseClock,
  DatabaseUnavailable,
  isUnavailable,
  type Statement,
} from '../database/index.js';
import { failpoint } from '../failpoint.js';
import { type Judgement, SendLimits } from '../limits/index.js';
import { OutboxSignal } from '../outbox/index.js';
import type { NewRow } from './agreement.rows.js';
import { ADD, ADD_JUDGED, ADD_KEPT, ADD_KEPT_JUDGED } from './agreement.sql.js';

/** How one new row fared. */
export interface Added extends Judgement {
  /** False where its key was not free, or a limit stands against it. */
  readonly added: boolean;
}

/** How a row fared that was judged; `failed` where the database could not say. */
type JudgedRow = Added & { readonly n: number; readonly failed?: Error };

/** Of a new row that no limit is concerned with. */
const ADDED: Added = { added: true, limit: null, wait: null, used: null };

/** Writes new agreements, those that arrive together in one statement. */
@Injectable()
export class NewAgreements {
  readonly #inserts = new Batches<NewRow, Added & { readonly failed?: Error }>(
    (rows) => this.#insert(rows),
    (error) => !isUnavailable(error),
    () => new DatabaseUnavailable('too many agreements wait to be saved'),
  );

  constructor(
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    private readonly outbox: OutboxSignal,
    private readonly limits: SendLimits,
  ) {}

  /** Resolves when the row is committed, or refused. @throws DatabaseUnavailable, or what the database said of it */
  async add(row: NewRow): Promise<Added> {
    const { failed, ...added } = await this.#inserts.add(row);
    if (failed) throw failed;
    return added;
  }

  /** How each row fared, in their order. Most are none of the limits' concern; the others are judged one statement later. */
  async #insert(rows: readonly NewRow[]): Promise<(Added & { readonly failed?: Error })[]> {
    failpoint('create.unsaved');
    const keyed = rows.some(({ key }) => key !== undefined);
    const [first] = await this.#write<{ written: number[] | null; now: Date }>(
      keyed ? ADD_KEPT : ADD,
      rows,
      this.limits.least,
    );
    const fared = new Array<(Added & { readonly failed?: Error }) | undefined>(rows.length);
    for (const n of first?.written ?? []) fared[n] = ADDED;
    const others = [...rows.keys()].filter((n) => !fared[n]);
    if (others.length > 0) {
      const judged = await this.#judge(
        keyed ? ADD_KEPT_JUDGED : ADD_JUDGED,
        rows.filter((_, n) => !fared[n]),
      );
      for (const { n, ...one } of judged) fared[others[n] ?? n] = one;
    }
    failpoint('create.saved');
    return Array.from(fared, (one) => one ?? { ...ADDED, added: false });
  }

  /** A fault is the fault of these rows, of the guilty one alone where that can be told: the others are committed already. */
  async #judge(statement: Statement, rows: readonly NewRow[]): Promise<readonly JudgedRow[]> {
    try {
      return await this.#write<JudgedRow & { now: Date }>(statement, rows, [this.limits.windows]);
    } catch (error) {
      if (rows.length === 1 || isUnavailable(error)) {
        const failed = error instanceof Error ? error : new Error('not written', { cause: error });
        return rows.map((_, n) => ({ ...ADDED, n, added: false, failed }));
      }
      const alone = await Promise.all(rows.map((row) => this.#judge(statement, [row])));
      return alone.flatMap((judged, n) => judged.map((one) => ({ ...one, n })));
    }
  }

  async #write<R extends { now: Date }>(
    statement: Statement,
    rows: readonly NewRow[],
    limits: readonly unknown[],
  ): Promise<R[]> {
    const written = await this.database.query<R>(statement, [JSON.stringify(rows), ...limits]);
    const [first] = written;
    if (first) this.clock.observe(first.now);
    if (written.length > 0) this.outbox.notify();
    return written;
  }
}
