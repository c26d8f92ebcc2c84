import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { Database, DatabaseClock, DatabaseUnavailable, Inserts, isUnavailable } from '../database/index.js';
import { failpoint } from '../failpoint.js';
import { OutboxSignal } from '../outbox/index.js';
import { AgreementError } from './agreement.errors.js';
import { Agreement } from './agreement.js';
import { fromRow, newRow, saveParameters } from './agreement.rows.js';
import type { AgreementRow } from './agreement.schema.js';
import { ADD, LOAD, SAVE } from './agreement.sql.js';
import type { Delivery } from './agreement.view.js';

/** What one load gives: the aggregate, how its newest code fares, and the database's time. */
export interface LoadedAgreement {
  readonly agreement: Agreement;
  readonly delivery: Delivery;
  readonly now: Date;
}

type LoadedRow = AgreementRow & { send_state: Delivery['state'] | null; send_reason: string | null; now: Date };

/** Every conflict means that somebody else's change was saved, so rounds are bounded by changes, not by callers. */
const MAX_CONFLICTS = 100;

/** Loads and saves agreements, each with its history and its events in one statement. */
@Injectable()
export class AgreementRepository {
  readonly #inserts = new Inserts<Date | undefined>(
    (rows) => this.#insert(rows),
    (error) => !isUnavailable(error),
    () => new DatabaseUnavailable('too many agreements wait to be saved'),
  );

  constructor(
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    private readonly outbox: OutboxSignal,
  ) {}

  /** Saves a new agreement. @throws DatabaseUnavailable */
  async add(agreement: Agreement, traceparent: string | null): Promise<void> {
    const now = await this.#inserts.add(newRow(agreement, uuidv7(), traceparent));
    if (now) this.clock.observe(now);
    this.outbox.notify();
  }

  /**
   * @param client whose agreement it must be; null for the service itself
   * @throws AgreementError agreement_not_found, also for another client's
   */
  async load(reference: string, client: string | null): Promise<LoadedAgreement> {
    const [row] = await this.database.query<LoadedRow>(LOAD, [reference, client]);
    if (!row) throw new AgreementError({ code: 'agreement_not_found' });
    this.clock.observe(row.now);
    const delivery = { state: row.send_state ?? 'queued', reason: row.send_reason };
    return { agreement: fromRow(row), delivery, now: row.now };
  }

  /**
   * Loads, lets `decide` change the aggregate, and saves; where another save came between, all of it again. What
   * `decide` answers is returned only after its change is committed, so that no guess is answered before it is counted.
   * @throws whatever `decide` throws, and then nothing is saved
   */
  async change<T>(
    reference: string,
    client: string | null,
    traceparent: string | null,
    decide: (loaded: LoadedAgreement) => T,
  ): Promise<{ loaded: LoadedAgreement; result: T }> {
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
      const loaded = await this.load(reference, client);
      const result = decide(loaded);
      if (await this.#save(loaded.agreement, loaded.now, traceparent)) return { loaded, result };
    }
    throw new DatabaseUnavailable('the agreement changes faster than it can be saved');
  }

  async #insert(rows: readonly object[]): Promise<Date | undefined> {
    failpoint('create.unsaved');
    const [row] = await this.database.query<{ now: Date }>(ADD, [JSON.stringify(rows)]);
    failpoint('create.saved');
    return row?.now;
  }

  /** @returns whether the loaded version was still the current one */
  async #save(agreement: Agreement, at: Date, traceparent: string | null): Promise<boolean> {
    const { events, history } = agreement.changes;
    if (history.length === 0) return true;
    const ids = events.map(() => uuidv7());
    failpoint('change.unsaved');
    const saved = await this.database.query(SAVE, saveParameters(agreement, at, ids, traceparent));
    failpoint('change.saved');
    if (events.length > 0 && saved.length > 0) this.outbox.notify();
    return saved.length > 0;
  }
}
