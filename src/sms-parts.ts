import { SegmentedMessage } from 'sms-segments-calculator';

/** How a text travels as SMS. */
export interface Parts {
  readonly encoding: 'GSM-7' | 'UCS-2';
  /** Septets of GSM-7, where `[ ] { } ^ ~ | \ €` take two each; units of UTF-16 otherwise, two for an emoji. */
  readonly length: number;
  /** What is sent and paid for: 160 septets or 70 units alone, 153 or 67 each of several (3GPP TS 23.040 §9.2.3.24.1). */
  readonly parts: number;
}

/** In how many parts a text goes out. */
export function partsOf(text: string): Parts {
  const { encodingName, numberOfCharacters, segmentsCount } = new SegmentedMessage(text);
  if (encodingName === 'GSM-7') return { encoding: 'GSM-7', length: numberOfCharacters, parts: segmentsCount };
  return { encoding: 'UCS-2', length: text.length, parts: segmentsCount };
}

/** What typewriters had for what typographers write. */
const PLAIN: Readonly<Record<string, string>> = {
  ...{ '“': '"', '”': '"', '„': '"', '‟': '"', '«': '"', '»': '"', '″': '"' },
  ...{ '‘': "'", '’': "'", '‚': "'", '‛': "'", '′': "'", '‹': "'", '›': "'", '`': "'", '´': "'" },
  ...{ '‐': '-', '‑': '-', '‒': '-', '–': '-', '—': '-', '―': '-', '−': '-' },
  ...{ '…': '...', '•': '*', '·': '.' },
  ...{ '\u00a0': ' ', '\u2002': ' ', '\u2003': ' ', '\u2009': ' ', '\u200a': ' ', '\u202f': ' ', '\t': ' ' },
  ...{ '\u00ad': '', '\u200b': '', '\ufeff': '' },
};
const TYPOGRAPHIC = new RegExp(`[${Object.keys(PLAIN).join('')}]`, 'gu');

/**
 * The text in GSM-7 where nothing but typographic punctuation keeps it from that: one `…` halves what a part holds. A
 * text that needs UCS-2 anyway is left as it is.
 */
export function gsmSafe(text: string): string {
  const plain = text.replaceAll(TYPOGRAPHIC, (character) => PLAIN[character] ?? character);
  return plain === text || partsOf(plain).encoding !== 'GSM-7' ? text : plain;
}
