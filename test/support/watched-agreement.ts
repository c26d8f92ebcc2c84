import assert from 'node:assert/strict';
import { type AgreementEvent, toIntegrationEvent } from '../../src/agreement/agreement.events.js';
import { Agreement, type GuessOutcome, type HistoryEntry } from '../../src/agreement/agreement.js';
import type { AgreementPolicy, Issue } from '../../src/agreement/agreement.state.js';
import { CodeKeys, type CodeSeal, type CodeSubject } from '../../src/agreement/confirmation-code.js';
import { Secret } from '../../src/secret.js';
import { asLoaded, BORN, bornPlus, FACTS, faultOf } from './agreements.js';
import { otherThan } from './api.js';

/** Real keys that say which comparisons were made. */
class CountingKeys extends CodeKeys {
  onMismatch: ((generation: number) => void) | undefined;

  override matches(subject: CodeSubject, seal: CodeSeal, guess: Secret<string>): boolean {
    const same = super.matches(subject, seal, guess);
    if (!same) this.onMismatch?.(subject.generation);
    return same;
  }
}

/** What the events of one agreement may be, in the order in which they were raised. */
const EVENTS_IN_ORDER =
  /^AgreementCreated( CodeRequested)*( AgreementConfirmed( AgreementWithdrawn)?| AgreementRejected| AgreementExpired| AgreementCancelled)?$/;

/** A real agreement, loaded anew for each call, with a record of all it ever did to check its promises against. */
export class WatchedAgreement {
  readonly digits = new Map<number, string>();
  readonly #keys = new CountingKeys([{ id: 'first', secret: Buffer.alloc(32, 1) }], 6);
  readonly #mismatches: number[] = [];
  readonly #events: AgreementEvent[] = [];
  readonly #history: HistoryEntry[] = [];
  #agreement: Agreement;
  #nonces = 0;
  #ending: string | undefined;

  constructor(private readonly policy: AgreementPolicy) {
    this.#agreement = Agreement.create(FACTS, policy, BORN);
    this.#keep();
  }

  /** The digits of the code that is alive, as far as one was ever issued. */
  get rightCode(): string {
    const { state } = this.#agreement.progress;
    const generation = state.status === 'pending' ? state.code?.generation : undefined;
    return this.digits.get(generation ?? 0) ?? '123456';
  }

  get wrongCode(): string {
    return otherThan(this.rightCode);
  }

  get oldCode(): string {
    return this.digits.values().find((digits) => digits !== this.rightCode) ?? this.wrongCode;
  }

  confirm(guess: string, now: number): string {
    return this.#do((agreement) => {
      this.#keys.onMismatch = (generation) => void this.#mismatches.push(generation);
      const outcome: GuessOutcome = agreement.confirm(new Secret(guess), this.#keys, this.policy, bornPlus(now));
      return outcome.right ? 'right' : `wrong, ${outcome.attemptsLeft} left, ${outcome.status}`;
    });
  }

  requestCode(waiting: boolean, now: number): string {
    return this.#do((agreement) =>
      agreement.requestCode(waiting, this.policy, bornPlus(now)) ? 'requested' : 'still waiting',
    );
  }

  issueCode(generation: number, now: number): string {
    return this.#do((agreement) => {
      const nonce = Buffer.alloc(16);
      nonce.writeUInt32BE((this.#nonces += 1));
      const issue: Issue = agreement.issueCode(generation, nonce, this.#keys, this.policy, bornPlus(now));
      if (issue.kind === 'obsolete') return `obsolete, ${issue.reason}`;
      const sendBefore = issue.sendBefore.getTime() - BORN.getTime();
      const digits = issue.code.reveal();
      assert.equal(digits, this.digits.get(generation) ?? digits);
      this.digits.set(generation, digits);
      return `issued, to be sent before ${sendBefore}`;
    });
  }

  cancel(now: number): string {
    return this.#do((agreement) => agreement.cancel(null, bornPlus(now)));
  }

  withdraw(now: number): string {
    return this.#do((agreement) => agreement.withdraw(null, bornPlus(now)));
  }

  expire(now: number): string {
    return this.#do((agreement) => agreement.expire(bornPlus(now)));
  }

  status(now: number): string {
    return this.#agreement.stateAt(bornPlus(now)).status;
  }

  get attemptsLeft(): number {
    return this.#agreement.attemptsLeft(this.policy);
  }

  /** What must hold at every moment, whatever was asked in whatever order. */
  checkPromises(now: number): void {
    const { attempts, maxFailures } = this.policy;
    assert.ok(this.#mismatches.length <= maxFailures, 'more failures than the agreement allows');
    for (const generation of this.digits.keys()) {
      const ofCode = this.#mismatches.filter((of) => of === generation);
      assert.ok(ofCode.length <= attempts, 'more failures than the code allows');
    }
    assert.ok(this.#aliveCodes(now).length <= 1, 'two codes alive');
    this.#checkEvents();
    this.#checkEnding();
  }

  #checkEvents(): void {
    assert.match(this.#events.map(({ name }) => name).join(' '), EVENTS_IN_ORDER);
    const requested = this.#events.flatMap((event) =>
      event.name === 'AgreementCreated' || event.name === 'CodeRequested' ? [event.generation] : [],
    );
    assert.ok(
      requested.every((generation, index) => generation === index + 1),
      'generations out of order',
    );
    const { facts } = this.#agreement;
    const integration = this.#events.map((event) => toIntegrationEvent(event, facts, BORN));
    const written = JSON.stringify([this.#events, integration, this.#history]);
    for (const digits of this.digits.values()) assert.ok(!written.includes(digits), 'a code was written down');
  }

  /** What is closed stays as it is. */
  #checkEnding(): void {
    const { progress } = this.#agreement;
    const written = JSON.stringify(progress);
    assert.equal(written, this.#ending ?? written);
    if (!['pending', 'confirmed'].includes(progress.state.status)) this.#ending = written;
  }

  /** The digits that would confirm now, each tried on a copy. */
  #aliveCodes(now: number): string[] {
    this.#keys.onMismatch = undefined;
    return [...new Set(this.digits.values())].filter((guess) => {
      const copy = asLoaded(this.#agreement);
      let right = false;
      faultOf(() => ({ right } = copy.confirm(new Secret(guess), this.#keys, this.policy, bornPlus(now))));
      return right;
    });
  }

  #do(act: (agreement: Agreement) => string | void): string {
    this.#agreement = asLoaded(this.#agreement);
    let answer = '';
    const fault = faultOf(() => (answer = act(this.#agreement) ?? 'done'));
    this.#keep();
    if (!fault) return answer;
    if (fault.code === 'agreement_closed') return `${fault.code}, ${fault.status}`;
    return fault.code === 'resend_too_soon' ? `${fault.code}, ${fault.retryAfter} s` : fault.code;
  }

  #keep(): void {
    this.#events.push(...this.#agreement.changes.events);
    this.#history.push(...this.#agreement.changes.history);
  }
}
