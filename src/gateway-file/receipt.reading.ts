import { at, idOf, parseForm, parseJson, textAt } from './document.js';
import type { Path, ReceiptsDescription, UndeliveredWord } from './gateway-description.js';
import type { ReceivedReceipt } from './receipt.signature.js';
import { meaningOf } from './words.js';

/** What a receipt says of one text. */
export interface ReadReceipt {
  /** The ids by which the text may be known, the likeliest first. */
  readonly ids: readonly string[];
  readonly state: 'delivered' | 'undelivered';
  readonly reason: UndeliveredWord | null;
  readonly recipient: string | undefined;
}

/** More in one body is no receipt. */
const MOST_RECEIPTS = 1_000;

/**
 * What a receipt says, as the file describes it. One of several that cannot be understood does not lose the others.
 * @returns the ends of texts, not the steps on the way; undefined where nothing of it can be understood
 */
export function readReceipt(
  receipts: ReceiptsDescription,
  request: ReceivedReceipt,
): readonly ReadReceipt[] | undefined {
  const document = documentOf(receipts, request);
  const listed = receipts.list ? at(document, receipts.list) : document;
  const items: readonly unknown[] = Array.isArray(listed) ? listed : [listed];
  if (items.length > MOST_RECEIPTS) return undefined;
  const read = items.map((item) => readOne(receipts, item));
  const known = read.filter((one) => one !== undefined);
  return known.length > 0 || items.length === 0 ? known.filter((one) => one !== 'step') : undefined;
}

function documentOf({ format }: ReceiptsDescription, { body, url }: ReceivedReceipt): unknown {
  if (format === 'query') return Object.fromEntries(new URL(url, 'http://localhost').searchParams);
  return format === 'form' ? parseForm(body.toString('utf8')) : parseJson(body.toString('utf8'));
}

function readOne(receipts: ReceiptsDescription, item: unknown): ReadReceipt | 'step' | undefined {
  const status = first(item, receipts.status);
  if (status === undefined) return undefined;
  const reason = meaningOf(receipts.undelivered, status);
  if (reason === undefined && !meaningOf(receipts.delivered, status)) {
    return receipts.steps === undefined || meaningOf(receipts.steps, status) ? 'step' : undefined;
  }
  const ids = [...new Set(receipts.id.flatMap((path) => idOf(textAt(item, path)) ?? []))];
  if (ids.length === 0) return undefined;
  const recipient = first(item, receipts.recipient);
  if (reason === undefined) return { ids, state: 'delivered', reason: null, recipient };
  const why = meaningOf(receipts.reasons, first(item, receipts.reason) ?? '');
  return { ids, state: 'undelivered', reason: why ?? reason, recipient };
}

function first(item: unknown, paths: readonly Path[]): string | undefined {
  for (const path of paths) {
    const text = textAt(item, path);
    if (text !== undefined) return text;
  }
  return undefined;
}
