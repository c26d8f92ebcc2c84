import type { Templates } from './texts.js';

/** What a text of each kind must and may speak of. */
const KINDS: Readonly<
  Record<string, { readonly needs: boolean; readonly takes: readonly string[]; readonly lines: boolean }>
> = {
  sms: { needs: true, takes: ['{code}', '{minutes}', '{purpose}'], lines: true },
  mail: { needs: true, takes: ['{code}', '{minutes}', '{purpose}'], lines: true },
  // A subject is shown on locked screens and kept in logs.
  subject: { needs: false, takes: ['{minutes}', '{purpose}'], lines: false },
  purpose: { needs: false, takes: [], lines: false },
};
const FORMS = ['zero', 'one', 'two', 'few', 'many', 'other'];

/** OTP_TTL is an hour at most. */
const MOST_MINUTES = 60;

/**
 * A scheme, what phones make a link of, an address of four numbers, or a dot with no space before the next word. Words end
 * and go on with marks (नमस्ते.com, उदाहरण.भारत), and domains may be symbols (❤.ws).
 */
const LINK = /:\/\/|\bwww\.|\d{1,3}(\.\d{1,3}){3}|[\p{L}\p{M}\p{N}\p{S}_-]\.\p{L}[\p{L}\p{M}]/iu;

/**
 * What is wrong with a text; undefined where nothing is. The words never hold the text.
 * @param key of a file of texts: `sms`, `mail`, `subject`, `purpose`, and all but the last with a plural form behind `_`
 */
export function textFault(key: string, text: string): string | undefined {
  const [name = '', form, ...more] = key.split('_');
  const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
  const known = form === undefined || (FORMS.includes(form) && name !== 'purpose' && more.length === 0);
  if (!kind || !known) return 'is not a text of the service';
  if (text.trim() === '') return 'must be a text';
  const controls = kind.lines ? /(?!\n)\p{Cc}/u : /\p{Cc}/u;
  if (controls.test(text)) return 'must hold no control characters';
  if (holdsLink(text)) return NO_LINK;
  return placeholderFault(text, kind);
}

function placeholderFault(text: string, { needs, takes }: (typeof KINDS)[string]): string | undefined {
  const placeholders: string[] = text.match(/\{[^}]*\}/g) ?? [];
  if (needs && !placeholders.includes('{code}')) return 'must contain {code}';
  if (takes.length === 0) return /[{}]/.test(text) ? 'must hold no placeholder, nor { or }' : undefined;
  // What is left of one would be read as the beginning of another, or by the person.
  const rest = takes.reduce((left, known) => left.replaceAll(known, ' '), text);
  if (placeholders.every((found) => takes.includes(found))) {
    return /[{}]/.test(rest) ? 'must hold no { or } but those of its placeholders' : undefined;
  }
  return `may contain only the placeholders ${takes.slice(0, -1).join(', ')} and ${takes.at(-1) ?? ''}`;
}

/** What a text with a link is told. */
export const NO_LINK = 'must hold no link, nor what looks like one: a space belongs after a dot';

/** As a phone sees it: full-width letters are letters, and what has no width is not there. */
export function holdsLink(text: string): boolean {
  return LINK.test(
    text
      .normalize('NFKC')
      .replaceAll(/\p{Cf}/gu, '')
      .replaceAll('。', '.'),
  );
}

/**
 * The keys that a language lacks: each text whole, or in all plural forms that 1 to 60 minutes have in it.
 * @param purposeGiven whether what the agreement is for is set for all languages
 */
export function wantedKeys(language: string, texts: Templates, purposeGiven: boolean): string[] {
  const rules = new Intl.PluralRules(language);
  const minutes = Array.from({ length: MOST_MINUTES }, (_, n) => rules.select(n + 1));
  const forms = FORMS.filter((form) => minutes.includes(form as Intl.LDMLPluralRule));
  const wanted = ['sms', 'subject', 'mail'].flatMap((kind) => {
    if (texts[kind] !== undefined) return [];
    const given = forms.some((form) => texts[`${kind}_${form}`] !== undefined);
    return given ? forms.map((form) => `${kind}_${form}`).filter((key) => texts[key] === undefined) : [kind];
  });
  const spoken = Object.values(texts).some((text) => text.includes('{purpose}'));
  return spoken && !purposeGiven && texts['purpose'] === undefined ? [...wanted, 'purpose'] : wanted;
}
