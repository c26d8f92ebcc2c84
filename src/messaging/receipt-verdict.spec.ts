import { describe, expect, it } from '@jest/globals';
import { type Candidate, reasonOf, spokenOf, verdictOf } from './receipt-verdict.js';

type State = Candidate['receipt'];

const accepted = (number: number, provider = 'smpp', receipt: State = null): Candidate['tries'][number] => ({
  try: number,
  provider,
  outcome: 'accepted',
  receipt,
});

/** One accepted try, sent, with a next provider that may be asked. */
const candidate = (more: Partial<Candidate> = {}): Candidate => ({
  ...{ n: 1, reference: 'a', generation: 1, try: 1, receipt: null, age: 1, state: 'sent', reachable: true },
  tries: [accepted(1)],
  ...more,
});

const next = () => 'http';
const nobody = () => null;

describe('the text that a receipt speaks of', () => {
  const other = { reference: 'b' };

  it.each([true, false])('is the one that it fits, whether it names a recipient: %s', (named) => {
    expect(spokenOf([candidate()], named)).toEqual(candidate());
    expect(spokenOf([], named)).toBeUndefined();
    expect(spokenOf([candidate({ receipt: 'delivered' })], named)?.reference).toBe('a');
  });

  it.each([true, false])('is the one of its likeliest id, whether it names a recipient: %s', (named) => {
    expect(spokenOf([candidate({ n: 1, age: 9 }), candidate({ ...other, n: 2, age: 1 })], named)?.reference).toBe('a');
  });

  it('cannot be told where one id fits two people, or two codes of a person', () => {
    expect(spokenOf([candidate(), candidate(other)], false)).toBeUndefined();
    expect(spokenOf([candidate(), candidate(other), candidate({ n: 2, reference: 'c' })], false)).toBeUndefined();
    expect(spokenOf([candidate({ generation: 2 }), candidate({ generation: 1 })], false)).toBeUndefined();
  });

  it.each([
    ['the newest', null, null, 'b'],
    ['the one without an end', null, 'delivered', 'a'],
    ['the one without an end', 'undelivered', null, 'b'],
    ['the newest where both have one', 'delivered', 'undelivered', 'b'],
  ] as const)('is %s of those to the recipient that it names', (_which, older, newer, reference) => {
    const both = [candidate({ age: 600, receipt: older }), candidate({ ...other, age: 5, receipt: newer })];
    expect(spokenOf(both, true)?.reference).toBe(reference);
    expect(spokenOf(both.toReversed(), true)?.reference).toBe(reference);
  });

  it.each([true, false])('is the newest try where the provider had the text twice under one id', (named) => {
    const tries = [candidate({ try: 1, age: 9 }), candidate({ try: 3, age: 2 }), candidate({ try: 2, age: 5 })];
    expect(spokenOf(tries, named)?.try).toBe(3);
    const known = tries.map((one) => (one.try === 3 ? { ...one, receipt: 'delivered' as const } : one));
    expect(spokenOf(known, named)?.try).toBe(3);
  });
});

describe('a receipt', () => {
  const states = ['queued', 'sent', 'delivered', 'undelivered', 'failed'] as const;
  const both = ['delivered', 'undelivered'] as const;

  it.each(states.flatMap((state) => both.map((receipt) => ({ state, receipt }))))(
    'that says $receipt again changes nothing of a send that is $state',
    ({ state, receipt }) => {
      expect(verdictOf(candidate({ state, receipt }), receipt, next)).toEqual({ kind: 'known' });
    },
  );

  it.each(states)('of undelivered after delivered changes nothing of a send that is %s', (state) => {
    expect(verdictOf(candidate({ state, receipt: 'delivered' }), 'undelivered', next)).toEqual({ kind: 'known' });
  });

  it.each(['queued', 'sent', 'undelivered', 'failed'] as const)(
    'of delivered is the last word on a send that is %s, also after undelivered, and sends nothing again',
    (state) => {
      for (const receipt of [null, 'undelivered'] as const) {
        const settled = { kind: 'settled', state: 'delivered', next: null };
        expect(verdictOf(candidate({ state, receipt }), 'delivered', next)).toEqual(settled);
      }
    },
  );

  it.each(both)('of %s is only noted where another text of the code was delivered', (state) => {
    expect(verdictOf(candidate({ state: 'delivered' }), state, next)).toEqual({ kind: 'noted' });
  });

  it.each(['queued', 'undelivered', 'failed'] as const)(
    'of undelivered is only noted of a send that is %s',
    (state) => {
      expect(verdictOf(candidate({ state }), 'undelivered', next)).toEqual({ kind: 'noted' });
    },
  );

  it('of undelivered is only noted where a newer text of the code was taken', () => {
    const tries = [accepted(1), accepted(2, 'http')];
    expect(verdictOf(candidate({ try: 1, tries }), 'undelivered', next)).toEqual({ kind: 'noted' });
  });

  it('of undelivered has the next provider asked', () => {
    expect(verdictOf(candidate(), 'undelivered', next)).toEqual({
      kind: 'settled',
      state: 'undelivered',
      next: 'http',
    });
  });

  it.each([
    ['nobody is left', candidate(), nobody],
    ['another text would be of no use', candidate({ reachable: false }), next],
    [
      'that has happened once',
      candidate({ try: 2, tries: [accepted(1, 'smpp', 'undelivered'), accepted(2, 'http')] }),
      () => 'twilio',
    ],
  ])('of undelivered is the end where %s', (_why, found, who) => {
    expect(verdictOf(found, 'undelivered', who)).toEqual({ kind: 'settled', state: 'undelivered', next: null });
  });

  it('counts a repeat that the same provider took too as one', () => {
    const tries = [accepted(1), accepted(2)];
    expect(verdictOf(candidate({ try: 2, tries }), 'undelivered', next)).toMatchObject({ next: 'http' });
  });

  it('counts only what was accepted', () => {
    const tries = [{ ...accepted(1), outcome: 'refused' as const }, accepted(2, 'http')];
    expect(verdictOf(candidate({ try: 2, tries }), 'undelivered', () => 'twilio')).toMatchObject({ next: 'twilio' });
  });

  it('has a reason where it says undelivered, and only there', () => {
    expect(reasonOf({ state: 'undelivered', reason: 'absent' })).toBe('absent');
    expect(reasonOf({ state: 'undelivered', reason: null })).toBe('other');
    expect(reasonOf({ state: 'delivered', reason: 'other' })).toBeNull();
  });
});
