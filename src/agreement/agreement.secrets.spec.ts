import { describe, expect, it } from '@jest/globals';
import { anAgreement, BORN, FACTS, POLICY } from '../../test/support/agreements.js';
import { PRINTED_IN_A_TEXT, PRINTED_WHOLE } from '../../test/support/printing.js';
import { Secret } from '../secret.js';
import { Agreement } from './agreement.js';
import { ConfirmAgreement } from './confirm-agreement.js';
import { CodeKeys } from './confirmation-code.js';
import { CreateAgreement } from './create-agreement.js';
import type { IssuedTo } from './issue-code.js';
import { parsePhoneNumber } from './phone-number.js';

const KEYS = new CodeKeys([{ id: 'first', secret: Buffer.alloc(32, 1) }], 6);
const PHONE = '+79161234567';
const NUMBER = parsePhoneNumber(PHONE, { countries: '*', defaultRegion: undefined });

const agreement = Agreement.create(FACTS, POLICY, BORN);
const issue = agreement.issueCode(1, Buffer.alloc(16, 3), KEYS, POLICY, BORN);
const CODE = issue.kind === 'issued' ? issue.code.reveal() : '';
const issuedTo: IssuedTo = { issue, facts: agreement.facts, requestedAt: BORN };

const { idHash, document, locale, metadata, subject } = FACTS;
const contact = { channel: 'sms', typed: new Secret(PHONE) } as const;
const request = { idHash, document, locale, metadata, subject, contact };
const create = new CreateAgreement({ client: 'shop', ip: '203.0.113.7' }, request, null);
const confirm = new ConfirmAgreement('shop', FACTS.reference, new Secret(CODE), null);

/** What the domain holds that knows a code or a phone number, with what a reader finds in its place. */
const CARRIERS: readonly (readonly [string, unknown, string])[] = [
  ['the facts of an agreement', agreement.facts, '+7916•••••67'],
  ['an agreement', agreement, '+7916•••••67'],
  ['a number', NUMBER, '+7916•••••67'],
  ['an issue', issue, '[secret]'],
  ['the answer of the issuing', issuedTo, '[secret]'],
  ['the command that creates', create, '[secret]'],
  ['the command that confirms', confirm, '[secret]'],
];

/** The digits with nothing or anything that is no digit between them, so that no way of writing them is missed. */
function digitsOf(secret: string): RegExp {
  return new RegExp([...secret.replace('+', '')].join(String.raw`[\s.()-]*`));
}

describe('what is carried inside the process', () => {
  it('is a code of six digits and a phone number', () => {
    expect(CODE).toMatch(/^\d{6}$/);
    expect(agreement.facts.contact.address?.reveal()).toBe(PHONE);
    expect(NUMBER.e164.reveal()).toBe(PHONE);
    expect(confirm.guess.reveal()).toBe(CODE);
    expect(create.request.contact.typed.reveal()).toBe(PHONE);
  });

  it.each(
    CARRIERS.flatMap(([what, value, shown]) => PRINTED_WHOLE.map((way) => [what, ...way, value, shown] as const)),
  )('by %s is in no %s', (_, way, print, value, shown) => {
    const text = print(value);

    expect(text).not.toMatch(digitsOf(CODE));
    expect(text).not.toMatch(digitsOf(PHONE));
    // %s does not look into what it prints, and so cannot tell a thing.
    if (way !== '%s') expect(text).toContain(shown);
  });

  it.each(PRINTED_IN_A_TEXT)('is shown in %s by its mask, or not at all', (_, print) => {
    expect(print(agreement.facts.contact.address)).toContain('+7916•••••67');
    for (const hidden of [confirm.guess, create.request.contact.typed, issue.kind === 'issued' && issue.code]) {
      expect(print(hidden)).toContain('[secret]');
    }
  });

  it('is confirmed all the same', () => {
    const { code } = anAgreement().withIssuedCode();

    expect(anAgreement().withIssuedCode().confirm(code)).toEqual({ right: true });
    expect(agreement.confirm(confirm.guess, KEYS, POLICY, BORN)).toEqual({ right: true });
  });
});
