import { Injectable } from '@nestjs/common';
import { DatabaseUnavailable } from '../database/index.js';
import { type NewEntry, type Quota, SendLimits } from '../limits/index.js';
import { uuidv7 } from '../uuid.js';
import { AgreementError } from './agreement.errors.js';
import { Agreement } from './agreement.js';
import { changedRow, countedChange, fromRow, keptRow, type NewRow, newRow } from './agreement.rows.js';
import type { AgreementView, Delivery } from './agreement.view.js';
import { type Answer, KeptAnswers, type KeptColumns, Replayed } from './kept-answers.repository.js';
import type { KeyedRequest } from './keyed-request.js';
import { NewAgreements } from './new-agreements.repository.js';
import { type LoadedRow, StoredAgreements } from './stored-agreements.repository.js';

/** What one load gives: the aggregate, how its newest code fares, and the database's time. */
export interface LoadedAgreement {
  readonly agreement: Agreement;
  readonly delivery: Delivery;
  readonly now: Date;
}

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

/** What a new request must come past. */
export type Admit = () => Promise<Admitted>;

/** A request that came past. */
export interface Admitted {
  /** What is left to the client. */
  readonly quotas: readonly Quota[];
  /** It was not a new one after all: it takes nothing of the client's share. */
  readonly giveBack: () => Promise<void>;
}

const FREELY: Admitted = { quotas: [], giveBack: () => Promise.resolve() };

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
    private readonly rows: NewAgreements,
    private readonly stored: StoredAgreements,
    private readonly kept: KeptAnswers,
    private readonly limits: SendLimits,
  ) {}

  /**
   * Saves a new agreement.
   * @param view what is answered to it
   * @param entry what its first code counts under
   * @param keyed the request where it has an Idempotency-Key
   * @param admit what else it must come past, unless it repeats an earlier request; null where there is nothing. It throws
   * where it does not
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
    const row = newRow(agreement, entry, uuidv7(), traceparent);
    if (!keyed) {
      const { quotas } = (await admit?.()) ?? FREELY;
      const added = await this.rows.add(row);
      this.limits.enforce(added);
      return { answer: view, quotas: [...this.limits.quotas(added), ...quotas] };
    }
    const withKey = keptRow(row, this.kept.columns(keyed, view));
    return this.kept.once(keyed, () => this.#addOnce(withKey, keyed, view, admit));
  }

  /**
   * @param client whose agreement it must be; null for the service itself
   * @throws AgreementError agreement_not_found, also for another client's
   */
  async load(reference: string, client: string | null): Promise<LoadedAgreement> {
    const row = await this.stored.load({ reference, client, key: null });
    if (!row.reference) throw new AgreementError({ code: 'agreement_not_found' });
    return loadedFrom(row);
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
      const row = await this.stored.load({ reference, client, key: keyed.key });
      const earlier = this.kept.replay(keyed, row);
      if (earlier) return earlier;
      if (!row.reference) throw new AgreementError({ code: 'agreement_not_found' });
      const loaded = loadedFrom(row);
      const answer = decide(loaded);
      if (await this.#save(loaded, traceparent, { entry, kept: this.kept.columns(keyed, answer) })) return answer;
    }
    throw tooFast();
  }

  /**
   * What was answered before goes before what a limit says now, and takes nothing of the client's share. It is asked for only
   * where the request did not come through: most are new, and for those it would be a second round trip.
   */
  async #addOnce(row: NewRow, keyed: KeyedRequest, view: AgreementView, admit: Admit | null): Promise<Counted> {
    const admitted = await (admit?.() ?? Promise.resolve(FREELY)).catch((refusal: unknown) => ({ refusal }));
    if ('refusal' in admitted) {
      const earlier = await this.kept.find(keyed);
      if (earlier) return { answer: given(earlier), quotas: [] };
      throw admitted.refusal;
    }
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
      const added = await this.rows.add(row);
      if (added.added) return { answer: view, quotas: [...this.limits.quotas(added), ...admitted.quotas] };
      const earlier = await this.#earlier(keyed, admitted);
      if (earlier) return { answer: given(earlier), quotas: [] };
      // Where no limit is in the way either, the 24 hours of the key have just ended.
      this.limits.enforce(added);
    }
    throw tooFast();
  }

  /** @throws AgreementError idempotency_key_reused */
  async #earlier(keyed: KeyedRequest, { giveBack }: Admitted): Promise<Replayed | AgreementError | undefined> {
    let isNew = false;
    try {
      const earlier = await this.kept.find(keyed);
      isNew = earlier === undefined;
      return earlier;
    } finally {
      if (!isNew) await giveBack();
    }
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
    const changed = changedRow(agreement, now, ids, traceparent);
    const counted = entry ? countedChange(changed, entry) : changed;
    return this.stored.save(kept ? keptRow(counted, kept) : counted);
  }
}

function loadedFrom(row: LoadedRow): LoadedAgreement {
  const delivery = { state: row.send_state ?? 'queued', reason: row.send_reason };
  return { agreement: fromRow(row), delivery, now: row.now };
}

/** @throws AgreementError where that is the answer */
function given(answer: Answer | Replayed): AgreementView | Replayed {
  if (answer instanceof AgreementError) throw answer;
  return answer;
}

function tooFast(): DatabaseUnavailable {
  return new DatabaseUnavailable('the agreement changes faster than it can be saved');
}
