import { describe, expect, it } from '@jest/globals';
import { anAgreement, faultOf, MINUTE, type TestAgreement } from '../../test/support/agreements.js';
import { Secret } from '../secret.js';

/** Guesses wrong until the agreement or its code takes no more, and gives what was left after each. */
function guessWrong(agreement: TestAgreement): number[] {
  const left: number[] = [];
  while (agreement.attemptsLeft > 0) {
    const outcome = agreement.confirm(agreement.wrongCode);
    left.push(outcome.right ? NaN : outcome.attemptsLeft);
  }
  return left;
}

describe('the budget of wrong guesses', () => {
  it('is three for a code: the third says 0 left, then even the right code is refused', () => {
    const agreement = anAgreement().withIssuedCode();

    expect(guessWrong(agreement)).toEqual([2, 1, 0]);
    expect(agreement.state.status).toBe('pending');
    expect(faultOf(() => agreement.confirm(agreement.code))).toEqual({ code: 'attempts_exhausted' });
  });

  it('begins anew for a further code', () => {
    const agreement = anAgreement().withIssuedCode().withWrongGuesses(3).withResentCode();

    expect(agreement.attemptsLeft).toBe(3);
    expect(agreement.confirm(agreement.code)).toEqual({ right: true });
  });

  it('does not begin anew before the further code is issued', () => {
    const agreement = anAgreement().withIssuedCode().withWrongGuesses(3).withRequestedCode();

    expect(agreement.attemptsLeft).toBe(0);
    expect(faultOf(() => agreement.confirm(agreement.code))).toEqual({ code: 'attempts_exhausted' });
  });

  it('is six for the agreement over all its codes, and the sixth rejects it', () => {
    const agreement = anAgreement().withIssuedCode().withWrongGuesses(3).withResentCode().withWrongGuesses(2);

    expect(agreement.confirm(agreement.wrongCode)).toEqual({ right: false, attemptsLeft: 0, status: 'rejected' });
    expect(agreement.state).toEqual({ status: 'rejected', closedAt: agreement.now, reason: 'failures_exhausted' });
    expect(agreement.changes).toEqual({
      history: [
        { kind: 'code_mismatched', detail: { generation: 2, attempts_left: 0 } },
        { kind: 'rejected', detail: { reason: 'failures_exhausted' } },
      ],
      events: [{ name: 'AgreementRejected', closedAt: agreement.now, reason: 'failures_exhausted' }],
    });
    expect(faultOf(() => agreement.confirm(agreement.code))).toEqual({ code: 'agreement_closed', status: 'rejected' });
  });

  it('says the lesser of what the code and the agreement have left', () => {
    const agreement = anAgreement().withIssuedCode();
    agreement.withWrongGuesses(2).withResentCode().withWrongGuesses(2).withResentCode();
    expect(agreement.attemptsLeft).toBe(2);

    expect(guessWrong(agreement)).toEqual([1, 0]);
    expect(agreement.state.status).toBe('rejected');
  });

  it('is not spent by the right code as the last guess', () => {
    const agreement = anAgreement().withIssuedCode().withWrongGuesses(3).withResentCode().withWrongGuesses(2);

    expect(agreement.attemptsLeft).toBe(1);
    expect(agreement.confirm(agreement.code)).toEqual({ right: true });
  });

  it.each([
    { attempts: 3, maxFailures: 1, left: [0] },
    { attempts: 3, maxFailures: 2, left: [1, 0] },
    { attempts: 3, maxFailures: 3, left: [2, 1, 0] },
    { attempts: 1, maxFailures: 1, left: [0] },
  ])('of $maxFailures rejects before $attempts per code are used up', ({ attempts, maxFailures, left }) => {
    const agreement = anAgreement({ attempts, maxFailures }).withIssuedCode();

    expect(guessWrong(agreement)).toEqual(left);
    expect(agreement.state.status).toBe('rejected');
  });

  it('bounds the guesses however often a code is asked for', () => {
    const agreement = anAgreement({ maxCodes: 100 }).withIssuedCode();
    let guesses = 0;
    while (agreement.state.status === 'pending') {
      agreement.confirm(agreement.wrongCode);
      guesses += 1;
      if (agreement.state.status === 'pending') agreement.withResentCode();
    }

    expect(guesses).toBe(6);
  });

  it('holds for what was counted under a more generous policy', () => {
    const before = anAgreement({ attempts: 5 }).withIssuedCode().withWrongGuesses(4);
    const after = { ...before.policy, attempts: 3 };

    expect(before.agreement.attemptsLeft(after)).toBe(0);
    expect(faultOf(() => before.agreement.confirm(new Secret(before.code), before.keys, after, before.now))).toEqual({
      code: 'attempts_exhausted',
    });
  });

  it('is not touched by the closing of a code that nobody guessed', () => {
    const agreement = anAgreement()
      .withIssuedCode()
      .after(20 * MINUTE);

    expect(faultOf(() => agreement.confirm(agreement.wrongCode))).toEqual({ code: 'code_expired' });
    expect(agreement.agreement.progress.failures).toBe(0);
  });
});
