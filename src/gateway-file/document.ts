import type { Found, Path } from './gateway-description.js';

/** What a body says, a list or a mapping; undefined where it says nothing or cannot be read. */
export function parseBody(text: string, contentType: string): object | undefined {
  if (text.trim() === '') return undefined;
  if (/^application\/x-www-form-urlencoded\b/i.test(contentType)) return parseForm(text);
  const value = parseJson(text);
  return typeof value === 'object' && value !== null ? value : undefined;
}

/**
 * Numbers too large to be exact stay what was written: ids of gateways have 19 digits. A byte order mark may be ignored
 * (RFC 8259 §8.1).
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''), exactly as (key: string, value: unknown) => unknown) as unknown;
  } catch {
    return undefined;
  }
}

/** With the source of the value, of which the typings do not know yet (ECMAScript 2026). */
function exactly(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) ? (context.source ?? value) : value;
}

/** The fields of a form, the first of each name. */
export function parseForm(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...new URLSearchParams(text)].toReversed());
}

/** What is at a path. `*` is the first entry of a list or an object. */
export function at(document: unknown, path: Path): unknown {
  const { value, isTold } = walk(document, path);
  return isTold ? value : undefined;
}

/** The same as conditions look at it. */
export function foundAt(document: unknown, path: Path): Found {
  const { value, isTold } = walk(document, path);
  return { isThere: isTold ? value !== undefined && value !== null : undefined, text: textOf(value) };
}

/** The same as text; undefined where there is nothing, or no text, number or boolean. */
export function textAt(document: unknown, path: Path): string | undefined {
  return textOf(at(document, path));
}

/** @returns isTold: whether the path could be gone: false where a text stands on the way, or a list that is asked for a word */
function walk(document: unknown, path: Path): { value: unknown; isTold: boolean } {
  let value = document;
  for (const key of path) {
    if (value === undefined || value === null) return { value: undefined, isTold: true };
    if (typeof value !== 'object') return { value: undefined, isTold: false };
    if (key === '*') value = Object.values(value)[0] as unknown;
    else if (Object.hasOwn(value, key)) value = (value as Record<string, unknown>)[key];
    else return { value: undefined, isTold: !Array.isArray(value) || /^\d+$/.test(key) };
  }
  return { value, isTold: true };
}

function textOf(value: unknown): string | undefined {
  const isText = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return isText ? String(value) : undefined;
}

/** An id as it can be kept and compared; undefined where there is none, or one with control characters in it. */
export function idOf(text: string | undefined): string | undefined {
  const id = text?.trim();
  return id === undefined || id === '' || /\p{Cc}/u.test(id) ? undefined : id;
}
