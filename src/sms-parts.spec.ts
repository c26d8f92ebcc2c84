import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { gsmSafe, partsOf } from './sms-parts.js';

/** The default alphabet of 3GPP TS 23.038 §6.2.1 in its order, without the escape; and its extension, §6.2.1.1. */
const BASIC =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?' +
  '¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
const EXTENDED = '\f^{}\\[~]|€';
const TYPOGRAPHIC = '“”„«»‘’‚‹›–—−…\u00a0\u202f';

/** Counted by hand: septets that must not be parted, or units of UTF-16, into parts of a size. */
function counted(text: string): { encoding: string; length: number; parts: number } {
  const characters = [...text];
  const isGsm = characters.every((character) => (BASIC + EXTENDED).includes(character));
  const sizes = characters.map((one) => (isGsm ? (EXTENDED.includes(one) ? 2 : 1) : one.length));
  const length = sizes.reduce((sum, size) => sum + size, 0);
  const [alone, each] = isGsm ? [160, 153] : [70, 67];
  if (length <= alone) return { encoding: isGsm ? 'GSM-7' : 'UCS-2', length, parts: 1 };
  let [parts, filled] = [1, 0];
  for (const size of sizes) {
    if (filled + size > each) [parts, filled] = [parts + 1, 0];
    filled += size;
  }
  return { encoding: isGsm ? 'GSM-7' : 'UCS-2', length, parts };
}

describe('the parts of an SMS', () => {
  it.each([
    ['160 letters', 'a'.repeat(160), { encoding: 'GSM-7', length: 160, parts: 1 }],
    ['161 letters', 'a'.repeat(161), { encoding: 'GSM-7', length: 161, parts: 2 }],
    ['306 letters', 'a'.repeat(306), { encoding: 'GSM-7', length: 306, parts: 2 }],
    ['307 letters', 'a'.repeat(307), { encoding: 'GSM-7', length: 307, parts: 3 }],
    ['80 euros', '€'.repeat(80), { encoding: 'GSM-7', length: 160, parts: 1 }],
    ['a euro that would be cut in two', `${'a'.repeat(152)}€${'a'.repeat(152)}`, { length: 306, parts: 3 }],
    ['70 Russian letters', 'ё'.repeat(70), { encoding: 'UCS-2', length: 70, parts: 1 }],
    ['71 Russian letters', 'ё'.repeat(71), { encoding: 'UCS-2', length: 71, parts: 2 }],
    ['134 Russian letters', 'ё'.repeat(134), { encoding: 'UCS-2', length: 134, parts: 2 }],
    ['135 Russian letters', 'ё'.repeat(135), { encoding: 'UCS-2', length: 135, parts: 3 }],
    ['35 emoji', '🔑'.repeat(35), { encoding: 'UCS-2', length: 70, parts: 1 }],
    ['an emoji that would be cut in two', `${'ё'.repeat(66)}🔑${'ё'.repeat(66)}`, { length: 134, parts: 3 }],
    ['one letter of another alphabet', `${'a'.repeat(70)}ы`, { encoding: 'UCS-2', length: 71, parts: 2 }],
  ])('are right for %s', (_, text, expected) => {
    expect(partsOf(text)).toMatchObject(expected);
    expect(partsOf(text)).toEqual(counted(text));
  });

  it('are right for each character of GSM-7, and for its neighbours that are not in it', () => {
    for (const character of [...BASIC, ...EXTENDED]) expect(partsOf(character)).toEqual(counted(character));
    for (const character of '`´çÀÁêλ–—“”’…№ёЁ\t\u00a0') expect(partsOf(character).encoding).toBe('UCS-2');
  });

  it('are right for any text', () => {
    const gsm = fc.string({ unit: fc.constantFrom(...BASIC.replace('\r', ''), ...EXTENDED), maxLength: 500 });
    const any = fc.string({ unit: fc.constantFrom(...'aZ1 €[Юё🔑'), maxLength: 300 });
    fc.assert(fc.property(fc.oneof(gsm, any), (text) => expect(partsOf(text)).toEqual(counted(text))));
  });
});

describe('the punctuation of an SMS', () => {
  it.each([
    ['“Shop” — code 012345…', '"Shop" - code 012345...'],
    ['It’s 5\u00a0min', "It's 5 min"],
    ['plain', 'plain'],
    ['«Код» — 012345…', '«Код» — 012345…'],
    ['“Shop” — 🔑', '“Shop” — 🔑'],
  ])('is what GSM-7 has, where that is all it takes: %s', (text, safe) => {
    expect(gsmSafe(text)).toBe(safe);
  });

  it('is replaced whole or not at all, and never the code', () => {
    const words = fc.string({ unit: fc.constantFrom(...BASIC, ...EXTENDED, ...TYPOGRAPHIC, 'ё', '🔑'), maxLength: 80 });
    const code = fc.integer({ min: 0, max: 999_999 }).map((number) => String(number).padStart(6, '0'));
    fc.assert(
      fc.property(words, code, words, (before, digits, after) => {
        const [text, plain] = [before + digits + after, [...(before + after)]];
        const safe = gsmSafe(text);
        if (plain.some((one) => one === 'ё' || one === '🔑')) expect(safe).toBe(text);
        else expect(counted(safe).encoding).toBe('GSM-7');
        expect(safe).toContain(digits);
        expect(gsmSafe(safe)).toBe(safe);
      }),
    );
  });
});
