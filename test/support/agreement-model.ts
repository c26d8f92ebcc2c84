import type { AgreementPolicy } from '../../src/agreement/agreement.state.js';

type Happening = 'requested' | 'issued' | 'failed' | 'confirmed' | 'withdrawn' | 'cancelled' | 'rejected' | 'expired';

interface Entry {
  readonly what: Happening;
  readonly generation: number;
  readonly at: number;
}

const ENDINGS: readonly Happening[] = ['withdrawn', 'confirmed', 'cancelled', 'rejected', 'expired'];

/**
 * The rules of an agreement told a second time, as simply as can be: a diary of what has happened, in which every
 * question is answered by looking back. Times are milliseconds since the agreement was made. Each method says what the
 * agreement must answer, and notes what that means.
 */
export class AgreementModel {
  now = 0;
  readonly #diary: Entry[] = [{ what: 'requested', generation: 1, at: 0 }];

  constructor(readonly policy: AgreementPolicy) {}

  get newest(): number {
    return this.#count('requested');
  }

  get status(): string {
    const ending = ENDINGS.find((what) => this.#count(what) > 0);
    return ending ?? (this.now >= this.policy.agreementTtl ? 'expired' : 'pending');
  }

  get attemptsLeft(): number {
    const issued = this.#last('issued');
    const ofCode = this.#diary.filter(({ what, generation }) => what === 'failed' && generation === issued?.generation);
    return Math.min(this.policy.attempts - ofCode.length, this.policy.maxFailures - this.#count('failed'));
  }

  /** The times at which something ends or begins. */
  get limits(): readonly number[] {
    const { resendInterval, agreementTtl } = this.policy;
    const requested = this.#last('requested')?.at ?? 0;
    const issued = this.#last('issued')?.at ?? 0;
    return [agreementTtl, requested + resendInterval, this.#endOfCode(issued), this.#sendBefore(issued)];
  }

  confirm(right: boolean): string {
    const issued = this.#last('issued');
    const over = this.#over();
    if (over !== undefined) return over;
    if (!issued) return 'code_not_sent_yet';
    if (this.now >= this.#endOfCode(issued.at)) return 'code_expired';
    if (this.attemptsLeft === 0) return 'attempts_exhausted';
    this.#note(right ? 'confirmed' : 'failed', issued.generation);
    if (right) return 'right';
    if (this.#count('failed') === this.policy.maxFailures) this.#note('rejected');
    return `wrong, ${this.attemptsLeft} left, ${this.status}`;
  }

  requestCode(waiting: boolean): string {
    const over = this.#over();
    if (over !== undefined) return over;
    const wait = (this.#last('requested')?.at ?? 0) + this.policy.resendInterval - this.now;
    if (wait > 0) return `resend_too_soon, ${Math.ceil(wait / 1000)} s`;
    if (waiting) return 'still waiting';
    if (this.newest === this.policy.maxCodes) return 'send_limit_reached';
    this.#note('requested', this.newest + 1);
    return 'requested';
  }

  issueCode(generation: number): string {
    if (this.status !== 'pending') return 'obsolete, closed';
    if (generation !== this.newest) return 'obsolete, superseded';
    const last = this.#last('issued');
    const issued = last?.generation === generation ? last : undefined;
    const sendBefore = this.#sendBefore(issued?.at ?? this.now);
    if (this.now >= sendBefore) return 'obsolete, expired';
    if (!issued) this.#note('issued', generation);
    return `issued, to be sent before ${sendBefore}`;
  }

  cancel(): string {
    if (this.status === 'cancelled') return 'done';
    const over = this.#over();
    if (over !== undefined) return over;
    this.#note('cancelled');
    return 'done';
  }

  withdraw(): string {
    if (this.#count('confirmed') === 0) return 'not_confirmed';
    this.#note('withdrawn');
    return 'done';
  }

  expire(): string {
    if (this.status === 'expired') this.#note('expired');
    return 'done';
  }

  #over(): string | undefined {
    if (this.status === 'pending') return undefined;
    return this.status === 'confirmed' ? 'already_confirmed' : `agreement_closed, ${this.status}`;
  }

  /** A code does not outlive its agreement. */
  #endOfCode(issuedAt: number): number {
    return Math.min(issuedAt + this.policy.ttl, this.policy.agreementTtl);
  }

  /** No try in a code's last minute, or in the last quarter of what it or the agreement may live, where that is shorter. */
  #sendBefore(issuedAt: number): number {
    const { ttl, agreementTtl } = this.policy;
    return this.#endOfCode(issuedAt) - Math.min(60_000, ttl / 4, agreementTtl / 4);
  }

  #note(what: Happening, generation = 0): void {
    this.#diary.push({ what, generation, at: this.now });
  }

  #last(what: Happening): Entry | undefined {
    return this.#diary.findLast((entry) => entry.what === what);
  }

  #count(what: Happening): number {
    return this.#diary.filter((entry) => entry.what === what).length;
  }
}
