import { Injectable } from '@nestjs/common';
import { Batches, Database, DatabaseClock, DatabaseUnavailable, isUnavailable } from '../database/index.js';
import { failpoint } from '../failpoint.js';
import { OutboxSignal } from '../outbox/index.js';
import { type AskedRow, type ChangedRow, loadParameters, saveParameters } from './agreement.rows.js';
import type { AgreementRow } from './agreement.schema.js';
import { LOAD, LOAD_KEPT, SAVE, SAVE_KEPT } from './agreement.sql.js';
import type { Delivery } from './agreement.view.js';
import type { KeptRow } from './idempotency.sql.js';

/** An agreement that is there, how its newest code fares, and the database's time. */
export type LoadedRow = AgreementRow & {
  readonly send_state: Delivery['state'] | null;
  readonly send_reason: string | null;
  readonly now: Date;
};
/** Where there is no such agreement all of it is null, but the time; what is kept, only where it was asked for by a key. */
export type FoundRow = (LoadedRow | { readonly reference: null; readonly now: Date }) & Partial<KeptRow>;

const aboutRows = (error: unknown): boolean => !isUnavailable(error);
const tooBusy = (): DatabaseUnavailable => new DatabaseUnavailable('too many agreements wait to be loaded or saved');

/** Loads and saves the rows of agreements, those that are asked for together in one statement. */
@Injectable()
export class StoredAgreements {
  readonly #loads = new Batches<AskedRow, FoundRow>((asked) => this.#load(asked), aboutRows, tooBusy);
  readonly #saves = new Batches<ChangedRow, boolean>(
    (changes) => this.#save(changes),
    aboutRows,
    tooBusy,
    ({ reference }) => reference,
  );
  /** By the reference and the version that they were loaded on. */
  readonly #saving = new Map<string, Promise<boolean>>();

  constructor(
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    private readonly outbox: OutboxSignal,
  ) {}

  /** As it is committed when this is asked, or later. @throws DatabaseUnavailable */
  load(asked: AskedRow): Promise<FoundRow> {
    return this.#loads.add(asked);
  }

  /**
   * Resolves when the change is committed, or refused.
   * @returns whether the loaded version was still the current one, and the key free where there is one
   * @throws DatabaseUnavailable
   */
  async save(row: ChangedRow): Promise<boolean> {
    const version = `${row.reference} ${row.version}`;
    const first = this.#saving.get(version);
    if (first) {
      // However that one fares, this one has to look again; and of 200 guesses at once 199 need not ask the database. Where
      // that is away there is nothing to look at, and nobody waits for the answer any more.
      await first.catch((error: unknown) => {
        if (isUnavailable(error)) throw error;
      });
      return false;
    }
    const saved = this.#saves.add(row);
    this.#saving.set(version, saved);
    try {
      return await saved;
    } finally {
      this.#saving.delete(version);
    }
  }

  async #load(asked: readonly AskedRow[]): Promise<FoundRow[]> {
    const statement = asked.some(({ key }) => key !== null) ? LOAD_KEPT : LOAD;
    const rows = await this.database.query<FoundRow & { readonly n: number }>(statement, loadParameters(asked));
    const [first] = rows;
    if (first) this.clock.observe(first.now);
    const found = new Array<FoundRow>(asked.length);
    for (const row of rows) found[row.n] = row;
    return found;
  }

  async #save(changes: readonly ChangedRow[]): Promise<boolean[]> {
    failpoint('change.unsaved');
    const statement = changes.some(({ key }) => key !== undefined) ? SAVE_KEPT : SAVE;
    const [row] = await this.database.query<{ saved: number[] | null }>(statement, saveParameters(changes));
    const saved = new Set(row?.saved);
    failpoint('change.saved');
    if (changes.some(({ raised }, n) => raised.length > 0 && saved.has(n))) this.outbox.notify();
    return changes.map((_, n) => saved.has(n));
  }
}
