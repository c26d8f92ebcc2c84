import { describe, expect, it } from '@jest/globals';
import { faultOf } from '../../test/support/agreements.js';
import { maskPhoneNumber, parsePhoneNumber, type PhonePolicy } from './phone-number.js';

const EVERYWHERE: PhonePolicy = { countries: '*', defaultRegion: undefined };
const FROM_RUSSIA: PhonePolicy = { countries: '*', defaultRegion: 'RU' };

/** What is understood, with the number in clear. */
function read(typed: string, policy: PhonePolicy): object {
  const { e164, country } = parsePhoneNumber(typed, policy);
  return { e164: e164.reveal(), country };
}

function refusal(reason: string): object {
  return { code: 'phone_not_allowed', reason };
}

describe('a phone number', () => {
  it.each([
    '+79161234567',
    '+7 916 123-45-67',
    '+7 (916) 123-45-67',
    '+7.916.123.45.67',
    '+7 916 123–45–67',
    '+7/916/1234567',
    ' +79161234567\n',
    '+7\u00a0916\u00a0123\u00a045\u00a067',
  ])('is understood as people type it: %j', (typed) => {
    expect(read(typed, EVERYWHERE)).toEqual({ e164: '+79161234567', country: 'RU' });
  });

  it.each(['8 916 123-45-67', '89161234567', '9161234567', '(916) 123-45-67', '+79161234567'])(
    'may be national where there is a default region: %j',
    (typed) => {
      expect(read(typed, FROM_RUSSIA)).toEqual({ e164: '+79161234567', country: 'RU' });
    },
  );

  it.each(['8 916 123-45-67', '9161234567', '79161234567', '00 7 916 123 45 67'])(
    'must be international where there is none: %j',
    (typed) => {
      expect(faultOf(() => parsePhoneNumber(typed, EVERYWHERE))).toEqual(refusal('invalid'));
    },
  );

  it('keeps its own country whatever the default region is', () => {
    expect(read('+77012345678', FROM_RUSSIA)).toEqual({ e164: '+77012345678', country: 'KZ' });
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['spaces', '   '],
    ['a plus', '+'],
    ['too few digits', '+7916123456'],
    ['too many digits', '+791612345678'],
    ['a code of no country', '+999161234567'],
    ['enough digits that belong to nobody', '+71234567890'],
    ['letters', '+7916CALLNOW'],
    ['letters among the digits', '+7916123456O'],
    ['Arabic digits', '+٧٩١٦١٢٣٤٥٦٧'],
    ['digits of full width', '+７９１６１２３４５６７'],
    ['a plus of full width', '＋79161234567'],
    ['mathematical digits', '+𝟕9161234567'],
    ['an extension', '+79161234567 ext. 5'],
    ['an extension after a comma', '+79161234567,5'],
    ['an extension after a hash', '+79161234567#5'],
    ['a URI', 'tel:+79161234567'],
    ['a URI with parameters', '+79161234567;phone-context=+7'],
    ['text around it', 'my number is +79161234567'],
    ['two numbers', '+79161234567 +79161234568'],
    ['a NUL', '+7916123\u00004567'],
    ['an invisible mark', '\u202a+79161234567'],
    ['a thousand digits', `+7${'9'.repeat(1000)}`],
  ])('is not taken from %s', (_, typed) => {
    expect(faultOf(() => parsePhoneNumber(typed, EVERYWHERE))).toEqual(refusal('invalid'));
    expect(faultOf(() => parsePhoneNumber(typed, FROM_RUSSIA))).toEqual(refusal('invalid'));
  });

  it.each<[string, string]>([
    ['a land line', '+74951234567'],
    ['free of charge', '+78001234567'],
    ['at a premium rate', '+78091234567'],
    ['a British land line', '+442079460123'],
    ['a pager or voice over IP', '+445612345678'],
  ])('is refused that no text reaches: %s', (_, typed) => {
    expect(faultOf(() => parsePhoneNumber(typed, EVERYWHERE))).toEqual(refusal('not_mobile'));
  });

  it('is taken where mobile and fixed lines cannot be told apart', () => {
    expect(read('+1 201 555 0123', EVERYWHERE)).toEqual({ e164: '+12015550123', country: 'US' });
  });

  it('is taken only of a country on the list', () => {
    const policy = { ...EVERYWHERE, countries: new Set(['KZ', 'BY']) };

    expect(parsePhoneNumber('+77012345678', policy).country).toBe('KZ');
    expect(faultOf(() => parsePhoneNumber('+79161234567', policy))).toEqual(refusal('country'));
  });

  it('is refused for its country first, which tells nothing of the number', () => {
    const policy = { ...EVERYWHERE, countries: new Set(['KZ']) };

    expect(faultOf(() => parsePhoneNumber('+74951234567', policy))).toEqual(refusal('country'));
  });

  it('of no country is refused where there is a list', () => {
    const satellite = '+881612345678';
    expect(read(satellite, EVERYWHERE)).toEqual({ e164: satellite, country: null });

    expect(faultOf(() => parsePhoneNumber(satellite, { ...EVERYWHERE, countries: new Set(['RU']) }))).toEqual(
      refusal('country'),
    );
  });
});

describe('a masked number', () => {
  it.each([
    ['+79161234567', '+7916•••••67'],
    ['+12015550123', '+1201•••••23'],
    ['+4915112345678', '+4915•••••••78'],
    ['+37251234567', '+3725•••••67'],
    ['+3725123456', '+3725••••56'],
    ['+376312345', '+376••••45'],
    ['+50051234', '+50••••34'],
    ['+6907290', '+6••••90'],
    ['+123456', '+••••56'],
    ['+1234', '•••34'],
  ])('of %s is %s', (e164, masked) => {
    expect(maskPhoneNumber(e164)).toBe(masked);
    expect(masked).toHaveLength(e164.length);
  });
});
