import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/core';
import metadata from 'libphonenumber-js/max/metadata';
import { Secret } from '../secret.js';
import { AgreementError, type PhoneRefusal } from './agreement.errors.js';

/** Which numbers the operator sends to. */
export interface PhonePolicy {
  /** ISO 3166 codes, or all. */
  readonly countries: ReadonlySet<string> | '*';
  /** The country of numbers written without `+`; without it they are refused. */
  readonly defaultRegion: string | undefined;
}

/** A number that a text can reach, or a test number. */
export interface PhoneNumber {
  readonly e164: Secret<string>;
  /** ISO 3166; null for numbers of no country (satellite networks and the like), and for test numbers. */
  readonly country: string | null;
}

/** ASCII digits with the punctuation that people type; libphonenumber would also take other scripts and letters. */
const AS_TYPED = /^\+?[\d\s().\-–/]+$/;

const NO_TESTS: ReadonlySet<string> = new Set();

/** Number types that can receive a text; in some numbering plans mobile and fixed lines cannot be told apart. */
const REACHABLE = new Set<string | undefined>(['MOBILE', 'FIXED_LINE_OR_MOBILE']);

/**
 * The number behind what a person typed. A test number is taken as it is, in use or not.
 * @param tests the test numbers, in E.164
 * @throws AgreementError `phone_not_allowed` with the reason: invalid, country (not on the list) or not_mobile
 */
export function parsePhoneNumber(
  typed: string,
  policy: PhonePolicy,
  tests: Pick<ReadonlySet<string>, 'has' | 'size'> = NO_TESTS,
): PhoneNumber {
  const region = policy.defaultRegion as CountryCode | undefined;
  const options = { extract: false, ...(region === undefined ? {} : { defaultCountry: region }) };
  const text = typed.trim();
  const parsed = AS_TYPED.test(text) ? parsePhoneNumberFromString(text, options, metadata) : undefined;
  const test =
    tests.size > 0 && AS_TYPED.test(text) && [parsed?.number, plain(typed)].find((one) => tests.has(one ?? ''));
  // No country: nothing that is counted or held back by country concerns it.
  if (test) return { e164: secretPhone(test), country: null };
  // What has a type is valid; asked first, because the one question costs as much as the other.
  const type = parsed?.getType();
  if (!parsed || (type === undefined && !parsed.isValid()) || parsed.ext !== undefined) throw refused('invalid');
  const country = parsed.country ?? null;
  if (policy.countries !== '*' && !(country && policy.countries.has(country))) throw refused('country');
  if (!REACHABLE.has(type)) throw refused('not_mobile');
  return { e164: secretPhone(parsed.number), country };
}

/** Without the punctuation: of numbers in a plan that nobody knows there is no more to find out. */
function plain(typed: string): string {
  return typed.replaceAll(/[\s().\-–/]/g, '');
}

/** A number as it is carried: whoever prints it prints the mask. */
export function secretPhone(e164: string): Secret<string> {
  return new Secret(e164, maskPhoneNumber(e164));
}

/**
 * What may be shown of a number: its first four digits and its last two, `+7916•••••67`; fewer where that would hide
 * less than four (numbers of six to eight digits are real: Tokelau, Saint Helena, the Falklands).
 */
export function maskPhoneNumber(e164: string): string {
  const shown = Math.max(0, Math.min(5, e164.length - 6));
  return e164.slice(0, shown) + '•'.repeat(Math.max(0, e164.length - shown - 2)) + e164.slice(-2);
}

function refused(reason: PhoneRefusal): AgreementError {
  return new AgreementError({ code: 'phone_not_allowed', reason });
}
