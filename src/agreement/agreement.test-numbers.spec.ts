import { describe, expect, it } from '@jest/globals';
import { BORN, bornPlus, FACTS, faultOf, MINUTE, POLICY } from '../../test/support/agreements.js';
import { Secret } from '../secret.js';
import { Agreement } from './agreement.js';
import { CodeKeys } from './confirmation-code.js';
import { parsePhoneNumber } from './phone-number.js';

const KEYS = new CodeKeys([{ id: 'first', secret: Buffer.alloc(32, 1) }], 6);
const NONCE = Buffer.alloc(16, 3);
const TESTS = new Map([['+79161234567', new Secret('918273')]]);
const NONE: typeof TESTS = new Map();
const FIXED = new Secret('918273');
const DERIVED = new Secret('');

/** A pending agreement whose code was issued while `tests` were set; with what was sent. */
function issued(test: boolean, tests: typeof TESTS, facts = FACTS): { agreement: Agreement; code: Secret<string> } {
  const agreement = Agreement.create({ ...facts, test }, POLICY, BORN);
  const issue = agreement.issueCode(1, NONCE, KEYS, POLICY, BORN, tests);
  return { agreement, code: issue.kind === 'issued' ? issue.code : DERIVED };
}

describe('the code of a test agreement', () => {
  it('is the one that is set for its number, and confirms once', () => {
    const { agreement, code } = issued(true, TESTS);

    expect(code.reveal()).toBe('918273');
    expect(agreement.confirm(FIXED, KEYS, POLICY, BORN, TESTS)).toEqual({ right: true });
    expect(faultOf(() => agreement.confirm(FIXED, KEYS, POLICY, BORN, TESTS))).toEqual({ code: 'already_confirmed' });
  });

  it('is sealed like any other: the row does not show it, and it expires', () => {
    const { agreement } = issued(true, TESTS);

    expect(JSON.stringify(agreement.progress)).not.toContain('918273');
    const late = bornPlus(15 * MINUTE);
    expect(faultOf(() => agreement.confirm(FIXED, KEYS, POLICY, late, TESTS))).toEqual({ code: 'code_expired' });
  });

  it('costs attempts like any other', () => {
    const { agreement } = issued(true, TESTS);

    for (const attemptsLeft of [2, 1, 0]) {
      const guess = agreement.confirm(new Secret('000000'), KEYS, POLICY, BORN, TESTS);
      expect(guess).toEqual({ right: false, attemptsLeft, status: 'pending' });
    }
    expect(faultOf(() => agreement.confirm(FIXED, KEYS, POLICY, BORN, TESTS))).toEqual({ code: 'attempts_exhausted' });
  });

  it('confirms nothing from when its number is none any more, not even where it was issued before', () => {
    const { agreement } = issued(true, TESTS);

    expect(agreement.confirm(FIXED, KEYS, POLICY, BORN, NONE)).toMatchObject({ right: false, attemptsLeft: 2 });
  });

  it('is one that nobody knows where the number was taken away before it was issued', () => {
    const { agreement, code } = issued(true, NONE);

    expect(code.reveal()).toMatch(/^\d{6}$/);
    expect(code.reveal()).not.toBe('918273');
    expect(agreement.confirm(FIXED, KEYS, POLICY, BORN, TESTS)).toMatchObject({ right: false });
    expect(agreement.confirm(code, KEYS, POLICY, BORN, NONE)).toMatchObject({ right: false });
  });
});

describe('the fixed code', () => {
  it('is that of no agreement which was made for a person, though the number is a test number by now', () => {
    const { agreement, code } = issued(false, TESTS);

    expect(code.reveal()).not.toBe('918273');
    expect(agreement.confirm(FIXED, KEYS, POLICY, BORN, TESTS)).toMatchObject({ right: false });
    expect(agreement.confirm(code, KEYS, POLICY, BORN, TESTS)).toEqual({ right: true });
  });

  it('is that of no other number', () => {
    const contact = { ...FACTS.contact, address: new Secret('+79161234568') };
    const { agreement, code } = issued(true, TESTS, { ...FACTS, contact });

    expect(code.reveal()).not.toBe('918273');
    expect(agreement.confirm(FIXED, KEYS, POLICY, BORN, TESTS)).toMatchObject({ right: false });
  });
});

describe('a test number', () => {
  const policy = { countries: new Set(['RU']), defaultRegion: 'RU' };
  const numbers = new Set(['+79990000001', '+15005550006', '+9991234567']);

  it.each([
    ['+79990000001', '+79990000001'],
    [' +7 (999) 000-00-01 ', '+79990000001'],
    ['8 999 000-00-01', '+79990000001'],
    ['+1 500 555 00 06', '+15005550006'],
    ['+999/123.4567', '+9991234567'],
  ])('is taken as it is, in use or not, from whatever country: %s', (typed, number) => {
    const { e164, country } = parsePhoneNumber(typed, policy, numbers);

    expect([e164.reveal(), country]).toEqual([number, null]);
    expect(String(e164)).not.toContain(number);
  });

  it.each(['+15005550007', '+9991234568', '+79990000001;ext=1', 'tel:+79990000001', '+٧٩٩٩٠٠٠٠٠٠١', '15005550006'])(
    'is no other: %s',
    (typed) => {
      expect(faultOf(() => parsePhoneNumber(typed, policy, numbers))).toMatchObject({ code: 'phone_not_allowed' });
    },
  );
});
