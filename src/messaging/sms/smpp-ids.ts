import type { SmppSettings } from '../../config.js';

/** How the id of an answer comes out of a receipt's id: as it is, or as the same number written otherwise. */
type Form = 'same' | 'decimal' | 'hex';

/** Ids of answers that are remembered, to learn from what receipts make of them. */
const REMEMBERED = 5_000;
/** What a C string of SMPP holds; longer numbers are none. */
const LONGEST = 64;
/** Widths to which SMSCs fill ids of 32 and 64 bits up with zeros; those that were seen go before. */
const HEX_WIDTHS = [8, 16];
const DECIMAL_WIDTHS = [10, 20, 8];
const MOST_WIDTHS = 2;
/** More are not looked for. */
const MOST_CANDIDATES = 16;

const DECIMAL = /^\d+$/;
const HEX = /^(?:0x)?[\da-f]+$/i;

/** The ids that a receipt's id may stand for, read in one way. */
interface Reading {
  readonly form: Form;
  /** One that this process has seen in an answer first, then as it is, and as wide as answers were. */
  readonly likely: readonly string[];
  /** As wide as answers often are. */
  readonly guessed: readonly string[];
  readonly isKnown: boolean;
}

/**
 * Finds the id that an SMSC gave in its answer when its receipt writes it otherwise: many answer in hexadecimal and report in
 * decimal, fill up with zeros, or change the case. What the settings say goes first, else what has most often been the only
 * way in which a receipt fitted an answer that this process has seen: short ids fit in several.
 */
export class MessageIds {
  readonly #answered = new Set<string>();
  readonly #fitted = new Map<Form, number>();
  #widths: readonly number[] = [];

  constructor(private readonly how: SmppSettings['receiptId']) {}

  /** The SMSC took a text under this id. */
  answered(id: string): void {
    this.#answered.add(id);
    if (HEX.test(id)) this.#widths = [...new Set([id.length, ...this.#widths])].slice(0, MOST_WIDTHS);
    for (const oldest of this.#answered) {
      if (this.#answered.size <= REMEMBERED) break;
      this.#answered.delete(oldest);
    }
  }

  /** @returns the ids under which the text of a receipt may have been taken, the likeliest first, each once, 16 at most */
  candidates(receiptId: string): string[] {
    const id = receiptId.trim().slice(0, 255);
    if (id === '') return [];
    const readings = this.#forms().map((form) => this.#read(form, id));
    const [known, ...others] = readings.filter(({ isKnown }) => isKnown);
    if (known && others.length === 0) this.#fitted.set(known.form, (this.#fitted.get(known.form) ?? 0) + 1);
    const ordered = this.#forms().flatMap((form) => readings.filter((reading) => reading.form === form));
    const all = [...ordered.flatMap(({ likely }) => likely), ...ordered.flatMap(({ guessed }) => guessed)];
    return [...new Set(all)].slice(0, MOST_CANDIDATES);
  }

  #forms(): Form[] {
    if (this.how === 'same') return ['same'];
    if (this.how !== 'auto') return [this.how, 'same'];
    const all: Form[] = ['same', 'decimal', 'hex'];
    return all.toSorted((a, b) => (this.#fitted.get(b) ?? 0) - (this.#fitted.get(a) ?? 0));
  }

  #read(form: Form, id: string): Reading {
    const digits = digitsIn(form, id);
    const asItIs = form === 'same' ? [id] : [];
    if (digits === undefined) return { form, likely: asItIs, guessed: [], isKnown: false };
    const isNumber = HEX.test(digits);
    const likely = [...bothCases([...asItIs, digits]), ...(isNumber ? padded(digits, this.#widths) : [])];
    const guessed = isNumber ? padded(digits, usualWidths(form, digits)) : [];
    const known = [...likely, ...guessed].find((candidate) => this.#answered.has(candidate));
    return {
      form,
      likely: [...(known === undefined ? [] : [known]), ...likely],
      guessed,
      isKnown: known !== undefined,
    };
  }
}

/** Without zeros in front, nor the mark of a hexadecimal number; undefined where the id cannot be read so. */
function digitsIn(form: Form, id: string): string | undefined {
  if (form === 'same') return HEX.test(id) ? unpadded(id) : id;
  if (id.length > LONGEST) return undefined;
  if (form === 'decimal') return DECIMAL.test(id) ? BigInt(id).toString(16) : undefined;
  return HEX.test(id) ? BigInt(`0x${unpadded(id)}`).toString() : undefined;
}

function unpadded(id: string): string {
  return id
    .toLowerCase()
    .replace(/^0x/, '')
    .replace(/^0+(?=.)/, '');
}

function usualWidths(form: Form, digits: string): readonly number[] {
  if (form === 'hex') return DECIMAL_WIDTHS;
  return form === 'same' && DECIMAL.test(digits) ? [...DECIMAL_WIDTHS, ...HEX_WIDTHS] : HEX_WIDTHS;
}

function padded(digits: string, widths: readonly number[]): string[] {
  return bothCases(widths.filter((width) => width > digits.length).map((width) => digits.padStart(width, '0')));
}

function bothCases(ids: readonly string[]): string[] {
  return ids.flatMap((id) => [id, id.toLowerCase(), id.toUpperCase()]);
}
