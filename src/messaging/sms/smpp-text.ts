import { createHash } from 'node:crypto';

/** The default alphabet of GSM (3GPP TS 23.038 §6.2.1), each character at its code. */
const ALPHABET =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u001bÆæßÉ' +
  ' !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
const ESCAPE = 0x1b;
/** What is written as the escape and one code more (§6.2.1.1). */
const EXTENSION = {
  '\f': 0x0a,
  '^': 0x14,
  '{': 0x28,
  '}': 0x29,
  '\\': 0x2f,
  '[': 0x3c,
  '~': 0x3d,
  ']': 0x3e,
  '|': 0x40,
};

const SEPTETS = new Map<string, Buffer>([
  ...Array.from(ALPHABET, (character, code) => [character, Buffer.from([code])] as const),
  ...Object.entries(EXTENSION).map(([character, code]) => [character, Buffer.from([ESCAPE, code])] as const),
  ['€', Buffer.from([ESCAPE, 0x65])],
]);
// Alone it is no character: a phone would swallow the next one.
SEPTETS.delete('\u001b');

/** Octets that one SMS takes, alone and beside the six octets of a header: a septet goes as one octet. */
const GSM = { dataCoding: 0, alone: 160, inPart: 153 };
const UCS2 = { dataCoding: 8, alone: 140, inPart: 134 };
const MOST_PARTS = 255;
const LONGEST_PAYLOAD = 65_535;
const UDHI = 0x40;

/** What of a text goes in one `submit_sm`. */
export interface TextPart {
  readonly esmClass: number;
  readonly dataCoding: number;
  readonly message: Buffer;
  readonly asPayload: boolean;
}

/**
 * A text in the octets that an SMSC takes: in GSM's default alphabet where it has every character (unpacked, an octet a
 * septet), else in UCS-2.
 * @param longText how a text goes that is longer than one SMS: whole, or in parts that the phone puts together
 * @param reference 0–255, the same in all parts and in every repeat of the text
 * @returns the parts in their order; none where the text is too long for any way
 */
export function encodeText(text: string, longText: 'payload' | 'udh', reference: number): TextPart[] {
  const { dataCoding, alone, inPart, characters } = octetsOf(text.toWellFormed());
  const message = Buffer.concat(characters);
  if (message.length <= alone) return [{ esmClass: 0, dataCoding, message, asPayload: false }];
  if (longText === 'payload') {
    return message.length > LONGEST_PAYLOAD ? [] : [{ esmClass: 0, dataCoding, message, asPayload: true }];
  }
  const parts = split(characters, inPart);
  if (parts.length > MOST_PARTS) return [];
  return parts.map((part, index) => {
    // Concatenation with an 8-bit reference (3GPP TS 23.040 §9.2.3.24.1).
    const header = Buffer.from([5, 0, 3, reference, parts.length, index + 1]);
    return { esmClass: UDHI, dataCoding, message: Buffer.concat([header, part]), asPayload: false };
  });
}

/** @returns 0–255 from the id of a message: a part that is sent again falls into its place beside those that a phone has */
export function concatReference(id: string): number {
  return createHash('sha256').update(id).digest().readUInt8();
}

/** Octets by character: what belongs together is never cut, be it an escape and its code or two surrogates. */
function octetsOf(text: string): typeof GSM & { readonly characters: Buffer[] } {
  const characters = Array.from(text);
  const septets = characters.map((character) => SEPTETS.get(character));
  const known = septets.filter((octets) => octets !== undefined);
  if (known.length === characters.length) return { ...GSM, characters: known };
  return { ...UCS2, characters: characters.map((character) => Buffer.from(character, 'utf16le').swap16()) };
}

function split(characters: readonly Buffer[], most: number): Buffer[] {
  const parts: Buffer[][] = [];
  let room = 0;
  for (const octets of characters) {
    if (octets.length > room) {
      parts.push([]);
      room = most;
    }
    parts.at(-1)?.push(octets);
    room -= octets.length;
  }
  return parts.map((part) => Buffer.concat(part));
}
