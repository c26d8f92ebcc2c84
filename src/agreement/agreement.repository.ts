import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { Database, DatabaseClock, DatabaseUnavailable } from '../database/index.js';
import { failpoint } from '../failpoint.js';
import { type NewEntry, type Quota, SendLimits } from '../limits/index.js';
import { OutboxSignal } from '../outbox/index.js';
import { AgreementError } from './agreement.errors.js';
import { Agreement } from './agreement.js';
import { countedRow, fromRow, keptParameters, keptRow, type NewRow, newRow, saveParameters } from './agreement.rows.js';
import type { AgreementRow } from './agreement.schema.js';
import { LOAD, LOAD_KEPT, SAVE, SAVE_COUNTED, SAVE_KEPT, SAVE_KEPT_COUNTED } from './agreement.sql.js';
import type { AgreementView, Delivery } from './agreement.view.js';
import type { KeptRow } from './idempotency.sql.js';
import { type Answer, KeptAnswers, type KeptColumns, Replayed } from './kept-answers.repository.js';
import type { KeyedRequest } from './keyed-request.js';
import { NewAgreements } from './new-agreements.repository.js';

/** What one load gives: the aggregate, how its newest code fares, and the database's time. */
export interface LoadedAgreement {
  readonly agreement: Agreement;
  readonly delivery: Delivery;
  readonly now: Date;
}

type LoadedRow = AgreementRow & { send_state: Delivery['state'] | null; send_reason: string | null; now: Date };
/** Where there is no such agreement all of it is null. */
type LoadedKeptRow = (LoadedRow | { reference: null }) & KeptRow;

/** What a client asks of one of its agreements. */
export interface AskedOfOne {
  readonly client: string;
  readonly reference: string;
  readonly traceparent: string | null;
  /** Null without an Idempotency-Key. */
  readonly keyed: KeyedRequest | null;
  /** What a further code counts under, where one is asked for. */
  readonly entry?: NewEntry;
}

/** An answer to a request for a code, with what is left to the client of its own limits. */
export interface Counted {
  readonly answer: AgreementView | Replayed;
  readonly quotas: readonly Quota[];
}

/** What a new request must come past; gives what is left to the client. */
type Admit = () => Promise<readonly Quota[]>;

/** What is written with a change, all or nothing. */
interface SavedWith {
  readonly kept?: KeptColumns;
  /** What its new generation counts under. */
  readonly entry?: NewEntry | undefined;
}

/** Every conflict means that somebody else's change was saved, so rounds are bounded by changes, not by callers. */
const MAX_CONFLICTS = 100;

/** Loads and saves agreements, each with its history and its events in one statement. */
@Injectable()
export class AgreementRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    private readonly outbox: OutboxSignal,
    private readonly rows: NewAgreements,
    private readonly kept: KeptAnswers,
    private readonly limits: SendLimits,
  ) {}

  /**
   * Saves a new agreement.
   * @param view what is answered to it
   * @param entry what its first code counts under
   * @param keyed the request where it has an Idempotency-Key
   * @param admit what else it must come past, unless it repeats an earlier request; null where there is nothing. It gives
   * what is left to the client, or throws
   * @returns the view, or what the request was answered with before: then nothing is saved
   * @throws AgreementError idempotency_key_reused, request_in_progress
   * @throws LimitError, and then nothing is saved
   * @throws DatabaseUnavailable
   */
  async add(
    agreement: Agreement,
    view: AgreementView,
    entry: NewEntry,
    traceparent: string | null,
    keyed: KeyedRequest | null,
    admit: Admit | null,
  ): Promise<Counted> {
    const row = countedRow(newRow(agreement, uuidv7(), traceparent), entry);
    if (!keyed) {
      const left = (await admit?.()) ?? [];
      const added = await this.rows.add(row);
      this.limits.enforce(added);
      return { answer: view, quotas: [...this.limits.quotas(added), ...left] };
    }
    const withKey = keptRow(row, this.kept.columns(keyed, view));
    return this.kept.once(keyed, () => this.#addOnce(withKey, keyed, view, admit));
  }

  /**
   * @param client whose agreement it must be; null for the service itself
   * @throws AgreementError agreement_not_found, also for another client's
   */
  async load(reference: string, client: string | null): Promise<LoadedAgreement> {
    const [row] = await this.database.query<LoadedRow>(LOAD, [reference, client]);
    if (!row) throw new AgreementError({ code: 'agreement_not_found' });
    return this.#loaded(row);
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
    entry?: NewEntry,
  ): Promise<{ loaded: LoadedAgreement; result: T }> {
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
      const loaded = await this.load(reference, client);
      const result = decide(loaded);
      if (await this.#save(loaded, traceparent, { entry })) return { loaded, result };
    }
    throw tooFast();
  }

  /**
   * The same for a caller: gives what it is answered, which is kept where its request has an Idempotency-Key, also where
   * nothing changes.
   * @param decide gives the error of what is to be saved all the same; what it throws is neither saved nor kept
   * @returns what `decide` gave, or what the request was answered with before: then it was not asked
   * @throws AgreementError what `decide` gave or throws; agreement_not_found, idempotency_key_reused, request_in_progress
   */
  async answer(asked: AskedOfOne, decide: (loaded: LoadedAgreement) => Answer): Promise<AgreementView | Replayed> {
    const { client, reference, traceparent, keyed, entry } = asked;
    if (!keyed) return given((await this.change(reference, client, traceparent, decide, entry)).result);
    return given(await this.kept.once(keyed, () => this.#changeOnce(asked, keyed, decide)));
  }

  async #changeOnce(
    { client, reference, traceparent, entry }: AskedOfOne,
    keyed: KeyedRequest,
    decide: (loaded: LoadedAgreement) => Answer,
  ): Promise<Answer | Replayed> {
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
      // In one look: what another process did under this key is seen with its key, or neither is.
      const [row] = await this.database.query<LoadedKeptRow>(LOAD_KEPT, [reference, client, keyed.key]);
      const earlier = this.kept.replay(keyed, row);
      if (earlier) return earlier;
      if (!row?.reference) throw new AgreementError({ code: 'agreement_not_found' });
      const loaded = this.#loaded(row);
      const answer = decide(loaded);
      if (await this.#save(loaded, traceparent, { entry, kept: this.kept.columns(keyed, answer) })) return answer;
    }
    throw tooFast();
  }

  /** What was answered before goes before what a limit says now, and takes nothing of the client's share. */
  async #addOnce(row: NewRow, keyed: KeyedRequest, view: AgreementView, admit: Admit | null): Promise<Counted> {
    const before = admit && (await this.kept.find(keyed));
    if (before) return { answer: given(before), quotas: [] };
    const left = (await admit?.()) ?? [];
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
      const added = await this.rows.add(row);
      if (added.added) return { answer: view, quotas: [...this.limits.quotas(added), ...left] };
      const earlier = await this.kept.find(keyed);
      if (earlier) return { answer: given(earlier), quotas: [] };
      // Where no limit is in the way either, the 24 hours of the key have just ended.
      this.limits.enforce(added);
    }
    throw tooFast();
  }

  #loaded(row: LoadedRow): LoadedAgreement {
    this.clock.observe(row.now);
    const delivery = { state: row.send_state ?? 'queued', reason: row.send_reason };
    return { agreement: fromRow(row), delivery, now: row.now };
  }

  /** @returns whether the loaded version was still the current one, and the key free where there is one */
  async #save(
    { agreement, now }: LoadedAgreement,
    traceparent: string | null,
    { kept, entry }: SavedWith,
  ): Promise<boolean> {
    const { events, history } = agreement.changes;
    if (history.length === 0) return kept ? this.kept.keep(kept) : true;
    const ids = events.map(() => uuidv7());
    const parameters = [
      ...saveParameters(agreement, now, ids, traceparent),
      ...(kept ? keptParameters(kept) : []),
      ...(entry ? [JSON.stringify(entry)] : []),
    ];
    failpoint('change.unsaved');
    const [plain, counted] = kept ? [SAVE_KEPT, SAVE_KEPT_COUNTED] : [SAVE, SAVE_COUNTED];
    const saved = await this.database.query(entry ? counted : plain, parameters);
    failpoint('change.saved');
    if (events.length > 0 && saved.length > 0) this.outbox.notify();
    return saved.length > 0;
  }
}

/** @throws AgreementError where that is the answer */
function given(answer: Answer | Replayed): AgreementView | Replayed {
  if (answer instanceof AgreementError) throw answer;
  return answer;
}

function tooFast(): DatabaseUnavailable {
  return new DatabaseUnavailable('the agreement changes faster than it can be saved');
}
