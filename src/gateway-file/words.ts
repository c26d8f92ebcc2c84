import type { Words } from './gateway-description.js';

/** How words are compared. */
export const asWord = (text: string): string => text.trim().toLowerCase();

/** What a word means: by itself, or by the longest beginning of it that is listed with a `*`. */
export function meaningOf<T>(words: Words<T>, text: string): T | undefined {
  const word = asWord(text);
  const exact = words.get(word);
  if (exact !== undefined) return exact;
  const beginnings = [...words].filter(([one]) => one.endsWith('*') && word.startsWith(one.slice(0, -1)));
  return beginnings.toSorted(([a], [b]) => b.length - a.length)[0]?.[1];
}
