import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SegmentedMessage } from 'sms-segments-calculator';
import { concatReference, encodeText } from './smpp-text.js';

const RUSSIAN = 'Ваш код 012345 действует 15 минут. Никому его не говорите.';

/** The text again, as a phone shows it. */
function shown(text: string, longText: 'payload' | 'udh' = 'udh'): string {
  const parts = encodeText(text, longText, 7);
  const bodies = parts.map(({ esmClass, message }) => (esmClass === 0x40 ? message.subarray(6) : message));
  return bodies.map((body, index) => decode(body, parts[index]?.dataCoding)).join('');
}

function decode(octets: Buffer, dataCoding: number | undefined): string {
  if (dataCoding === 8) return new TextDecoder('utf-16be', { fatal: true }).decode(octets);
  return octets
    .toString('latin1')
    .replaceAll('\u001b\u0065', '€')
    .replaceAll('\u001b\u003c', '[')
    .replaceAll('\0', '@');
}

describe('a text for an SMSC', () => {
  it('goes as GSM-7 where its alphabet has every character, an octet each', () => {
    const [part, ...more] = encodeText('Code 012345 @ x.example: €[ok]\n', 'udh', 0);
    expect(part).toMatchObject({ dataCoding: 0, esmClass: 0, asPayload: false });
    expect(part?.message.toString('hex')).toBe(
      Buffer.from('Code 012345 \0 x.example: \x1b\x65\x1b\x3cok\x1b\x3e\n', 'latin1').toString('hex'),
    );
    expect(more).toEqual([]);
  });

  it.each([
    ['£', '01'],
    ['$', '02'],
    ['¥', '03'],
    ['Ç', '09'],
    ['Δ', '10'],
    ['_', '11'],
    ['Ω', '15'],
    ['É', '1f'],
    ['¤', '24'],
    ['¡', '40'],
    ['Ñ', '5d'],
    ['§', '5f'],
    ['¿', '60'],
    ['à', '7f'],
    ['^', '1b14'],
    ['{', '1b28'],
    ['}', '1b29'],
    ['\\', '1b2f'],
    ['~', '1b3d'],
    ['|', '1b40'],
    ['\f', '1b0a'],
  ])('writes %s as %s', (character, octets) => {
    expect(encodeText(character, 'udh', 0)[0]?.message.toString('hex')).toBe(octets);
  });

  it.each([RUSSIAN, 'ç is none of its', '`', '\u001b', '😀'])('goes as UCS-2 where one is missing: %j', (text) => {
    const [part] = encodeText(text, 'udh', 0);
    expect(part).toMatchObject({ dataCoding: 8, esmClass: 0 });
    expect(shown(text)).toBe(text);
  });

  it.each([
    ['a'.repeat(160), 1],
    ['a'.repeat(161), 2],
    ['a'.repeat(306), 2],
    ['a'.repeat(307), 3],
    ['€'.repeat(80), 1],
    ['€'.repeat(81), 2],
    ['я'.repeat(70), 1],
    ['я'.repeat(71), 2],
    ['я'.repeat(134), 2],
    ['я'.repeat(135), 3],
    ['😀'.repeat(35), 1],
    ['😀'.repeat(36), 2],
  ])('takes so many parts', (text, count) => {
    expect(encodeText(text, 'udh', 0)).toHaveLength(count);
    expect(new SegmentedMessage(text).segmentsCount).toBe(count);
  });

  it('has in each part a header with reference, count and number', () => {
    const headers = encodeText('я'.repeat(140), 'udh', 200).map(({ message }) => [...message.subarray(0, 6)]);
    expect(headers).toEqual([1, 2, 3].map((part) => [5, 0, 3, 200, 3, part]));
  });

  it('never cuts an escape from its code, nor a surrogate from the other', () => {
    const escapes = encodeText(`${'a'.repeat(152)}€${'b'.repeat(100)}`, 'udh', 0);
    expect(escapes.map(({ message }) => message.length - 6)).toEqual([152, 102]);
    const surrogates = encodeText(`${'я'.repeat(66)}😀${'я'.repeat(50)}`, 'udh', 0);
    expect(surrogates.map(({ message }) => (message.length - 6) / 2)).toEqual([66, 52]);
  });

  it('is whole again when the phone has put it together', () => {
    const characters = fc.constantFrom('a', '€', '[', 'я', '😀', '@', '\n');
    fc.assert(
      fc.property(
        fc.array(characters, { maxLength: 800 }),
        fc.constantFrom('payload' as const, 'udh' as const),
        (all, how) => {
          expect(shown(all.join(''), how)).toBe(all.join(''));
          for (const { message } of encodeText(all.join(''), 'udh', 0)) expect(message.length).toBeLessThanOrEqual(160);
        },
      ),
    );
  });

  it('goes whole as a payload where that is asked for, and only where it is longer than one part', () => {
    expect(encodeText('a'.repeat(161), 'payload', 0)).toMatchObject([{ asPayload: true, esmClass: 0, dataCoding: 0 }]);
    expect(encodeText('a'.repeat(160), 'payload', 0)).toMatchObject([{ asPayload: false }]);
  });

  it('is none where it is longer than any way allows', () => {
    expect(encodeText('я'.repeat(67 * 255), 'udh', 0)).toHaveLength(255);
    expect(encodeText('я'.repeat(67 * 255 + 1), 'udh', 0)).toEqual([]);
    expect(encodeText('a'.repeat(65_536), 'payload', 0)).toEqual([]);
  });

  it('has the same reference in every repeat, and mostly another in another text', () => {
    expect(concatReference('a')).toBe(concatReference('a'));
    expect(new Set(Array.from({ length: 100 }, (_, n) => concatReference(String(n)))).size).toBeGreaterThan(50);
  });
});
