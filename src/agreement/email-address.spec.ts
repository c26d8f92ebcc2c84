import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AgreementError } from './agreement.errors.js';
import { maskEmailAddress, parseEmailAddress } from './email-address.js';

const NONE = { blockedDomains: new Set<string>() };
const parsed = (typed: string): string => parseEmailAddress(typed, NONE).reveal();
const refusalOf = (typed: string, blocked: string[] = []): unknown => {
  try {
    return parseEmailAddress(typed, { blockedDomains: new Set(blocked) }).reveal();
  } catch (error) {
    return error instanceof AgreementError ? error.fault : error;
  }
};
const INVALID = { code: 'email_not_allowed', reason: 'invalid' };
const long = (length: number): string => 'a'.repeat(length);

describe('an address of e-mail', () => {
  it.each([
    ['ivan@example.com', 'ivan@example.com'],
    ['  ivan@example.com\t', 'ivan@example.com'],
    ['Ivan.Petrov+tag@Mail.EXAMPLE.com', 'Ivan.Petrov+tag@mail.example.com'],
    ["o'neil@example.co.uk", "o'neil@example.co.uk"],
    ["!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"],
    ['ivan@почта.рф', 'ivan@xn--80a1acny.xn--p1ai'],
    ['ivan@ПОЧТА.РФ', 'ivan@xn--80a1acny.xn--p1ai'],
    ['ivan@xn--80a1acny.xn--p1ai', 'ivan@xn--80a1acny.xn--p1ai'],
    ['ivan@bücher.example', 'ivan@xn--bcher-kva.example'],
    ['ivan@例え。テスト', 'ivan@xn--r8jz45g.xn--zckzah'],
    ['1@2.example', '1@2.example'],
    [`${long(64)}@example.com`, `${long(64)}@example.com`],
    [`a@${long(63)}.example`, `a@${long(63)}.example`],
  ])('%s is %s', (typed, expected) => {
    expect(parsed(typed)).toBe(expected);
  });

  it.each([
    ...['', ' ', '@', 'ivan', 'ivan@', '@example.com', 'ivan@example', 'ivan@localhost', 'a@b@example.com'],
    ...['ivan@example.com.', 'ivan@.example.com', 'ivan@example..com', 'ivan@-a.example', 'ivan@a-.example'],
    ...['.ivan@example.com', 'ivan.@example.com', 'iv..an@example.com', 'iv an@example.com', 'ivan@exam ple.com'],
    ...['"ivan"@example.com', '"iv an"@example.com', 'ivan(me)@example.com', 'ivan@(here)example.com'],
    ...[
      'Ivan <ivan@example.com>',
      '<ivan@example.com>',
      'ivan@example.com,petr@example.com',
      'mailto:ivan@example.com',
    ],
    ...['ivan@[192.0.2.1]', 'ivan@192.0.2.1', 'ivan@[IPv6:2001:db8::1]', 'ivan@example.123', 'ivan@0x7f.1', 'ivan@1'],
    ...['иван@example.com', 'ivan@exämple.com/x', 'ivan@example.com:25', 'ivan@example.com?x', 'ivan@example.com#x'],
    ...[
      'ivan@example.com\r\nBcc: x@example.org',
      'ivan\r\n@example.com',
      'ivan@exa\0mple.com',
      'ivan@user:pw@example.com',
    ],
    ...['ivan@example%2ecom', 'ivan@example_x.com', 'ivan@example\u200b.com', 'ivan＠example.com'],
    ...[`${long(65)}@example.com`, `a@${long(64)}.example`, `a@${`${long(60)}.`.repeat(4)}example.com`, 'ivan@a.b'],
    `a@${'щ'.repeat(60)}.рф`,
  ])('%j is none', (typed) => {
    expect(refusalOf(typed)).toEqual(INVALID);
  });

  it('is not longer than a path may be, counted as it goes over the wire', () => {
    const domain = `${`${long(60)}.`.repeat(3)}example`;
    const local = long(254 - domain.length - 1);
    expect(local.length).toBeLessThanOrEqual(64);
    expect(parsed(`${local}@${domain}`)).toHaveLength(254);
    expect(refusalOf(`a${local}@${domain}`)).toEqual(INVALID);
  });

  it.each([
    ['ivan@mailinator.com', true],
    ['ivan@sub.Mailinator.com', true],
    ['ivan@notmailinator.com', false],
    ['ivan@mailinator.com.example', false],
    ['ivan@x.почта.рф', true],
  ])('%s is blocked with its domain and all below: %s', (typed, blocked) => {
    const refusal = refusalOf(typed, ['mailinator.com', 'xn--80a1acny.xn--p1ai']);
    const fault = { code: 'email_not_allowed', reason: 'blocked' };
    if (blocked) expect(refusal).toEqual(fault);
    else expect(refusal).toBe(typed);
  });

  it('is itself when it is read again, and never more than one line of ASCII', () => {
    const typed = fc
      .tuple(fc.emailAddress(), fc.constantFrom('', ' ', '\n'))
      .map(([address, space]) => space + address);
    fc.assert(
      fc.property(typed, (text) => {
        const once = refusalOf(text);
        // fast-check makes some that are right by RFC 5322 but of one label or with a short last one.
        if (typeof once !== 'string') return;
        expect(parsed(once)).toBe(once);
        expect(once).toMatch(/^[\x21-\x7e]{3,254}$/);
        expect(once.split('@')).toHaveLength(2);
      }),
    );
  });

  it('is refused with a reason, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string().map((text) => `a@${text}.example`),
        ),
        (text) => {
          const found = refusalOf(text);
          if (typeof found === 'string') expect(found).toMatch(/^[\x21-\x7e]+@[a-z\d.-]+$/);
          else expect(found).toEqual(INVALID);
        },
      ),
    );
  });
});

describe('the mask of an address', () => {
  it.each([
    ['ivan@example.com', 'i•••@e•••••.com'],
    ['ivan.petrov@mail.example.co.uk', 'i•••@m•••••.uk'],
    ['iv@ab.ru', 'i•••@a•••••.ru'],
    ['i@example.com', '•••@e•••••.com'],
    ['ivan@q.com', 'i•••@•••••.com'],
  ])('of %s is %s', (address, mask) => {
    expect(maskEmailAddress(address)).toBe(mask);
  });

  it('is what a reader finds, and says nothing of the length', () => {
    const [short, long] = [parseEmailAddress('iv@ex.com', NONE), parseEmailAddress('ivan.petrov@example.com', NONE)];
    expect(String(short)).toBe('i•••@e•••••.com');
    expect(JSON.stringify({ long })).toBe('{"long":"i•••@e•••••.com"}');
  });
});
