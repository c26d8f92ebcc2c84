import type { Secret } from '../secret.js';
import { AgreementError } from './agreement.errors.js';
import type { AgreementEvent } from './agreement.events.js';
import type {
  AgreementFacts,
  AgreementPolicy,
  AgreementProgress,
  AgreementState,
  AgreementStatus,
  Issue,
  IssuedCode,
  TestCodes,
} from './agreement.state.js';
import type { CodeKeys, CodeSubject } from './confirmation-code.js';

const NO_TESTS: TestCodes = new Map();

/** One line of the append-only record. */
export interface HistoryEntry {
  readonly kind:
    | 'created'
    | 'code_requested'
    | 'code_issued'
    | 'code_mismatched'
    | 'confirmed'
    | 'withdrawn'
    | 'rejected'
    | 'expired'
    | 'cancelled';
  readonly detail: Readonly<Record<string, string | number | null>>;
}

/** How one guess ended. `attemptsLeft` is the lesser of the code's and the agreement's. */
export type GuessOutcome =
  { readonly right: true } | { readonly right: false; readonly attemptsLeft: number; readonly status: AgreementStatus };

/** What was done to the agreement since it was loaded, to be saved with it. */
export interface AgreementChanges {
  readonly events: readonly AgreementEvent[];
  readonly history: readonly HistoryEntry[];
}

/**
 * One person's consent to one document, confirmed by a one-time code. Holds every rule and no clock: each method takes
 * the time at which it is asked, the database's.
 */
export class Agreement {
  readonly #events: AgreementEvent[] = [];
  readonly #history: HistoryEntry[] = [];
  #progress: AgreementProgress;

  /** @param version counts the saved changes; a save succeeds only on the version that was loaded */
  constructor(
    readonly facts: AgreementFacts,
    progress: AgreementProgress,
    readonly version: number,
  ) {
    this.#progress = progress;
  }

  /** A new agreement, which asks for its first code. */
  static create(facts: Omit<AgreementFacts, 'createdAt' | 'expiresAt'>, policy: AgreementPolicy, now: Date): Agreement {
    const expiresAt = later(now, policy.agreementTtl);
    const progress = {
      generation: 1,
      requestedAt: now,
      failures: 0,
      state: { status: 'pending', code: null },
    } as const;
    const agreement = new Agreement({ ...facts, createdAt: now, expiresAt }, progress, 0);
    agreement.#record('created', { generation: 1 }, { name: 'AgreementCreated', generation: 1, expiresAt });
    return agreement;
  }

  get progress(): AgreementProgress {
    return this.#progress;
  }

  get changes(): AgreementChanges {
    return { events: this.#events, history: this.#history };
  }

  /** The state as of `now`: a pending agreement past its time is expired, whether or not that was written already. */
  stateAt(now: Date): AgreementState {
    const { state } = this.#progress;
    const lapsed = state.status === 'pending' && now >= this.facts.expiresAt;
    return lapsed ? { status: 'expired', closedAt: this.facts.expiresAt, reason: 'expired' } : state;
  }

  /** Wrong guesses that are still allowed for the current code, or for the first one before it was issued. */
  attemptsLeft(policy: AgreementPolicy): number {
    const { state, failures } = this.#progress;
    const failed = state.status === 'pending' ? (state.code?.failures ?? 0) : 0;
    return Math.max(0, Math.min(policy.attempts - failed, policy.maxFailures - failures));
  }

  codesLeft(policy: AgreementPolicy): number {
    return Math.max(0, policy.maxCodes - this.#progress.generation);
  }

  resendAvailableAt(policy: AgreementPolicy): Date {
    return later(this.#progress.requestedAt, policy.resendInterval);
  }

  /**
   * Compares a guess with the current code; the right one confirms. That of a test number does so only while it is one.
   * @throws AgreementError agreement_closed, already_confirmed, code_not_sent_yet, code_expired, attempts_exhausted
   * @throws UnknownCodeKey which costs no attempt
   */
  confirm(
    guess: Secret<string>,
    keys: CodeKeys,
    policy: AgreementPolicy,
    now: Date,
    tests: TestCodes = NO_TESTS,
  ): GuessOutcome {
    const { code } = this.#mustBePending(now);
    if (!code) throw new AgreementError({ code: 'code_not_sent_yet' });
    if (!code.seal || now >= code.expiresAt) throw new AgreementError({ code: 'code_expired' });
    if (this.attemptsLeft(policy) === 0) throw new AgreementError({ code: 'attempts_exhausted' });
    const right = keys.matches(this.#subjectOf(code.generation), code.seal, guess);
    const counts = !this.facts.test || this.#testCode(tests) !== undefined;
    if (!right || !counts) return this.#mismatch(code, policy, now);
    const { generation } = code;
    this.#become({ state: { status: 'confirmed', confirmedAt: now } });
    this.#record('confirmed', { generation }, { name: 'AgreementConfirmed', generation, confirmedAt: now });
    return { right: true };
  }

  /**
   * Asks for a further code. While the newest one still waits to be handed over there is nothing to ask for.
   * @param waiting whether the newest generation has not been handed to a provider yet
   * @returns whether a new generation was made
   * @throws AgreementError agreement_closed, already_confirmed, resend_too_soon, send_limit_reached
   */
  requestCode(waiting: boolean, policy: AgreementPolicy, now: Date): boolean {
    this.#mustBePending(now);
    const wait = this.resendAvailableAt(policy).getTime() - now.getTime();
    if (wait > 0) throw new AgreementError({ code: 'resend_too_soon', retryAfter: Math.ceil(wait / 1000) });
    if (waiting) return false;
    if (this.codesLeft(policy) === 0) throw new AgreementError({ code: 'send_limit_reached', limit: 'agreement' });
    const generation = this.#progress.generation + 1;
    this.#become({ generation, requestedAt: now });
    this.#record('code_requested', { generation }, { name: 'CodeRequested', generation });
    return true;
  }

  /**
   * The code of a generation that is about to be sent: made at the first call, the same digits at every later one.
   * The life of a code runs from here, at most to the agreement's own end, and the previous code ends here: a late first
   * text must still work.
   * @param nonce 128 random bits for a new code
   * @param tests of a test agreement the code is the one that is set for its number
   * @throws UnknownCodeKey
   */
  issueCode(
    generation: number,
    nonce: Buffer,
    keys: CodeKeys,
    policy: AgreementPolicy,
    now: Date,
    tests: TestCodes = NO_TESTS,
  ): Issue {
    const state = this.stateAt(now);
    if (state.status !== 'pending') return { kind: 'obsolete', reason: 'closed' };
    if (generation !== this.#progress.generation) return { kind: 'obsolete', reason: 'superseded' };
    const issued = state.code?.generation === generation ? state.code : undefined;
    const expiresAt = issued?.expiresAt ?? earlier(later(now, policy.ttl), this.facts.expiresAt);
    const sendBefore = later(expiresAt, -lastMomentToSend(policy));
    if (now >= sendBefore || issued?.seal === null) return { kind: 'obsolete', reason: 'expired' };
    const subject = this.#subjectOf(generation);
    const fixed = this.#testCode(tests);
    const seal = issued?.seal ?? keys.seal(subject, nonce, fixed);
    if (!issued) this.#issue({ generation, seal, issuedAt: now, expiresAt, failures: 0 });
    return { kind: 'issued', code: keys.open(subject, seal, fixed), sendBefore };
  }

  /**
   * Gives a pending agreement up; a second time changes nothing.
   * @throws AgreementError agreement_closed, already_confirmed
   */
  cancel(reason: string | null, now: Date): void {
    if (this.#progress.state.status === 'cancelled') return;
    this.#mustBePending(now);
    this.#close('cancelled', 'AgreementCancelled', reason, now);
  }

  /**
   * Takes a confirmed agreement back (GDPR Art. 7(3): as easy as giving it); a second time changes nothing.
   * @throws AgreementError not_confirmed
   */
  withdraw(reason: string | null, now: Date): void {
    const { state } = this.#progress;
    if (state.status === 'withdrawn') return;
    if (state.status !== 'confirmed') throw new AgreementError({ code: 'not_confirmed' });
    const { confirmedAt } = state;
    this.#become({ state: { status: 'withdrawn', confirmedAt, closedAt: now, reason } });
    this.#record('withdrawn', { reason }, { name: 'AgreementWithdrawn', confirmedAt, withdrawnAt: now, reason });
  }

  /** Writes down that the time of a pending agreement is over; nothing where it is not. */
  expire(now: Date): void {
    if (this.#progress.state.status === 'pending' && this.stateAt(now).status === 'expired') {
      this.#close('expired', 'AgreementExpired', 'expired', this.facts.expiresAt);
    }
  }

  #issue(code: IssuedCode): void {
    const { generation, expiresAt } = code;
    this.#become({ state: { status: 'pending', code } });
    this.#record('code_issued', { generation, expires_at: expiresAt.toISOString() });
  }

  #mismatch(code: IssuedCode, policy: AgreementPolicy, now: Date): GuessOutcome {
    this.#become({
      failures: this.#progress.failures + 1,
      state: { status: 'pending', code: { ...code, failures: code.failures + 1 } },
    });
    const attemptsLeft = this.attemptsLeft(policy);
    this.#record('code_mismatched', { generation: code.generation, attempts_left: attemptsLeft });
    if (this.#progress.failures >= policy.maxFailures) {
      this.#close('rejected', 'AgreementRejected', 'failures_exhausted', now);
    }
    return { right: false, attemptsLeft, status: this.#progress.state.status };
  }

  #mustBePending(now: Date): Extract<AgreementState, { status: 'pending' }> {
    const state = this.stateAt(now);
    switch (state.status) {
      case 'pending':
        return state;
      case 'confirmed':
        throw new AgreementError({ code: 'already_confirmed' });
      case 'withdrawn':
      case 'rejected':
      case 'expired':
      case 'cancelled':
        throw new AgreementError({ code: 'agreement_closed', status: state.status });
    }
  }

  #close(
    status: 'rejected' | 'expired' | 'cancelled',
    name: 'AgreementRejected' | 'AgreementExpired' | 'AgreementCancelled',
    reason: string | null,
    closedAt: Date,
  ): void {
    this.#become({ state: { status, closedAt, reason } });
    this.#record(status, { reason }, { name, closedAt, reason });
  }

  /** Whatever is set for the number: an agreement that was made for a person has no fixed code. */
  #testCode(tests: TestCodes): Secret<string> | undefined {
    const { test, contact } = this.facts;
    return test ? tests.get(contact.address?.reveal() ?? '') : undefined;
  }

  #subjectOf(generation: number): CodeSubject {
    return { reference: this.facts.reference, generation, documentSha256: this.facts.document.sha256 };
  }

  #become(change: Partial<AgreementProgress>): void {
    this.#progress = { ...this.#progress, ...change };
  }

  #record(kind: HistoryEntry['kind'], detail: HistoryEntry['detail'], event?: AgreementEvent): void {
    this.#history.push({ kind, detail });
    if (event) this.#events.push(event);
  }
}

/** No try of a send starts so short before its code ends: the person could not type it in time. */
function lastMomentToSend({ ttl, agreementTtl }: AgreementPolicy): number {
  return Math.min(60_000, ttl / 4, agreementTtl / 4);
}

function earlier(one: Date, other: Date): Date {
  return one < other ? one : other;
}

function later(time: Date, milliseconds: number): Date {
  return new Date(time.getTime() + milliseconds);
}
