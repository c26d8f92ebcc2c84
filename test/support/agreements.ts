import { createHash } from 'node:crypto';
import { AgreementError, type AgreementFault } from '../../src/agreement/agreement.errors.js';
import { Agreement, type GuessOutcome } from '../../src/agreement/agreement.js';
import type { AgreementFacts, AgreementPolicy, AgreementState, Issue } from '../../src/agreement/agreement.state.js';
import { CodeKeys } from '../../src/agreement/confirmation-code.js';
import { secretPhone } from '../../src/agreement/phone-number.js';
import { Secret } from '../../src/secret.js';
import { otherThan } from './api.js';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** The defaults of the contract. */
export const POLICY: AgreementPolicy = {
  ttl: 15 * MINUTE,
  resendInterval: MINUTE,
  attempts: 3,
  maxCodes: 5,
  maxFailures: 6,
  agreementTtl: 24 * HOUR,
};

const KEYS = new CodeKeys([{ id: 'first', secret: Buffer.alloc(32, 1) }], 6);

/** When every agreement of these tests is made. */
export const BORN = new Date('2026-01-31T12:00:00.000Z');

/** A time, so many milliseconds after the agreement was made. */
export function bornPlus(milliseconds: number): Date {
  return new Date(BORN.getTime() + milliseconds);
}

type ShownIssue =
  Extract<Issue, { kind: 'obsolete' }> | { readonly kind: 'issued'; readonly code: string; readonly sendBefore: Date };

/** Neither the reference nor the hash has six digits in a row, which could be taken for a code. */
export const FACTS: Omit<AgreementFacts, 'createdAt' | 'expiresAt'> = {
  reference: '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50',
  client: 'shop',
  idHash: 'somebody',
  contact: {
    channel: 'sms',
    address: secretPhone('+79161234567'),
    hash: Buffer.alloc(32, 2),
    hashKeyId: 'contacts',
    country: 'RU',
  },
  document: { id: 'privacy-policy', version: '2026-01', sha256: 'abcdef01'.repeat(8) },
  locale: 'ru',
  metadata: { order: '1042' },
  subject: { ip: '203.0.113.7', userAgent: 'Mozilla/5.0', shownAt: new Date('2026-01-31T11:59:00.000Z') },
  test: false,
};

/** The same agreement as the next request would load it: nothing done yet, the version counted up. */
export function asLoaded({ facts, progress, version }: Agreement): Agreement {
  return new Agreement(Object.freeze(facts), Object.freeze(progress), version + 1);
}

/** What the domain has against it; undefined where it has nothing. */
export function faultOf(act: () => unknown): AgreementFault | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof AgreementError) return error.fault;
    throw error;
  }
}

/** A new agreement at the time BORN, under the default policy but for what is given. */
export function anAgreement(policy: Partial<AgreementPolicy> = {}): TestAgreement {
  return new TestAgreement({ ...POLICY, ...policy });
}

/**
 * One agreement and the time. Each call loads it anew, as each request does, so `changes` is what the last call did.
 * A change that was made before an error was thrown is kept, to be seen.
 */
export class TestAgreement {
  keys = KEYS;
  #agreement: Agreement;
  #now = BORN;
  #nonces = 0;
  #code = '123456';

  constructor(readonly policy: AgreementPolicy) {
    this.#agreement = Agreement.create(FACTS, policy, BORN);
  }

  get agreement(): Agreement {
    return this.#agreement;
  }

  get now(): Date {
    return this.#now;
  }

  get changes(): Agreement['changes'] {
    return this.#agreement.changes;
  }

  get state(): AgreementState {
    return this.#agreement.stateAt(this.#now);
  }

  get attemptsLeft(): number {
    return this.#agreement.attemptsLeft(this.policy);
  }

  get codesLeft(): number {
    return this.#agreement.codesLeft(this.policy);
  }

  /** The digits that were issued last; before that, digits like any other. */
  get code(): string {
    return this.#code;
  }

  get wrongCode(): string {
    return otherThan(this.code);
  }

  /** Moves the time to so many milliseconds after the agreement was made. */
  at(milliseconds: number): this {
    this.#now = bornPlus(milliseconds);
    return this;
  }

  after(milliseconds: number): this {
    return this.at(this.#now.getTime() - BORN.getTime() + milliseconds);
  }

  withKeys(keys: CodeKeys): this {
    this.keys = keys;
    return this;
  }

  withIssuedCode(): this {
    this.issueCode();
    return this;
  }

  withWrongGuesses(count: number): this {
    for (let guess = 0; guess < count; guess += 1) this.confirm(this.wrongCode);
    return this;
  }

  /** Asked for as soon as that is allowed. */
  withRequestedCode(): this {
    this.after(this.policy.resendInterval).requestCode();
    return this;
  }

  withResentCode(): this {
    return this.withRequestedCode().withIssuedCode();
  }

  confirmed(): this {
    this.withIssuedCode().confirm(this.code);
    return this;
  }

  withdrawn(): this {
    if (this.state.status === 'pending') this.confirmed();
    this.withdraw('changed my mind');
    return this;
  }

  cancelled(): this {
    this.cancel('typed the wrong number');
    return this;
  }

  rejected(): this {
    this.withIssuedCode();
    while (this.state.status === 'pending') {
      if (this.attemptsLeft === 0) this.withResentCode();
      this.confirm(this.wrongCode);
    }
    return this;
  }

  expired(): this {
    this.at(this.policy.agreementTtl).expire();
    return this;
  }

  confirm(guess: string): GuessOutcome {
    return this.#load().confirm(new Secret(guess), this.keys, this.policy, this.#now);
  }

  requestCode({ waiting = false } = {}): boolean {
    return this.#load().requestCode(waiting, this.policy, this.#now);
  }

  /** With other random bits at each call, as the handler does; the code in clear, to be compared. */
  issueCode(generation = this.#agreement.progress.generation): ShownIssue {
    this.#nonces += 1;
    const nonce = createHash('sha256').update(String(this.#nonces)).digest().subarray(0, 16);
    const issue = this.#load().issueCode(generation, nonce, this.keys, this.policy, this.#now);
    if (issue.kind === 'obsolete') return issue;
    this.#code = issue.code.reveal();
    return { ...issue, code: this.#code };
  }

  cancel(reason: string | null = null): void {
    this.#load().cancel(reason, this.#now);
  }

  withdraw(reason: string | null = null): void {
    this.#load().withdraw(reason, this.#now);
  }

  expire(): void {
    this.#load().expire(this.#now);
  }

  #load(): Agreement {
    this.#agreement = asLoaded(this.#agreement);
    return this.#agreement;
  }
}
