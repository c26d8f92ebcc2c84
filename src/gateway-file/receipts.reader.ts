import { isMap } from 'yaml';
import { pathOf } from './answers.reader.js';
import {
  type Path,
  type ReceiptsDescription,
  type SignatureDescription,
  type SignedPart,
  UNDELIVERED_WORDS,
  type UndeliveredWord,
  type Words,
} from './gateway-description.js';
import { signs } from './receipt.signature.js';
import { TOKEN } from './request.reader.js';
import { Section, textOf } from './section.js';
import { asWord } from './words.js';

/** Reads the section `receipts`. */
export function readReceipts(root: Section): ReceiptsDescription | undefined {
  const section = root.section('receipts');
  if (!section) return undefined;
  const format = section.choice('format', ['json', 'form', 'query']) ?? 'json';
  const signed = readSigned(section, format);
  for (const key of ['id', 'status', 'delivered', 'undelivered']) {
    if (!section.has(key)) section.fault(key, 'is missing');
  }
  const list = section.text('list');
  const receipts = {
    format,
    list: list === undefined ? undefined : pathOf(section, 'list', list),
    id: readPaths(section, 'id'),
    status: readPaths(section, 'status'),
    recipient: readPaths(section, 'recipient'),
    reason: readPaths(section, 'reason'),
    delivered: readList(section, 'delivered'),
    undelivered: readWords(section, 'undelivered'),
    steps: section.has('steps') ? readList(section, 'steps') : undefined,
    reasons: readWords(section, 'reasons'),
  };
  const words = [receipts.delivered, receipts.undelivered, receipts.steps ?? []].flatMap((one) => [...one.keys()]);
  if (new Set(words).size < words.length)
    section.fault('delivered', 'undelivered and steps must have no word in common');
  section.close();
  return signed && { signed, ...receipts };
}

function readPaths(section: Section, key: string): readonly Path[] {
  return (section.texts(key) ?? []).map((text) => pathOf(section, key, text));
}

function readList(section: Section, key: string): Words<true> {
  return new Map((section.texts(key) ?? []).map((text) => [asWord(text), true] as const));
}

/** Words, and why each of them means that a text did not arrive; a list is of those that do not say why. */
function readWords(parent: Section, key: string): Words<UndeliveredWord> {
  const node = parent.get(key);
  if (!isMap(node)) return new Map((parent.texts(key) ?? []).map((text) => [asWord(text), 'other']));
  const section = new Section(node, `${parent.path}${key}.`, parent.faults);
  return new Map(
    section.entries().map(([name, , value]) => {
      const known = UNDELIVERED_WORDS.find((one) => one === textOf(value));
      if (!known) section.fault(name, `must be one of ${UNDELIVERED_WORDS.join(', ')}`);
      return [asWord(name), known ?? 'other'];
    }),
  );
}

const WAYS = ['standard-webhooks', 'hmac', 'secret', 'basic'] as const;

type Format = ReceiptsDescription['format'];

function readSigned(parent: Section, format: Format): SignatureDescription | undefined {
  if (!parent.has('signed')) {
    parent.fault('signed', `is missing: how the gateway proves that a receipt is its own, one of ${WAYS.join(', ')}`);
  }
  const section = parent.section('signed');
  if (!section) return undefined;
  const by = section.choice('by', WAYS);
  if (!section.has('by')) section.fault('by', `is missing: one of ${WAYS.join(', ')}`);
  if (!by) return undefined;
  const signed = readWay(section, by, format);
  section.close();
  return signed;
}

function readWay(section: Section, by: (typeof WAYS)[number], format: Format): SignatureDescription | undefined {
  if (by === 'standard-webhooks') {
    if (format === 'query')
      section.fault('by', 'standard-webhooks signs the body, and nothing of a receipt in the query');
    return { by };
  }
  if (by === 'hmac') return readHmac(section, format);
  if (by === 'basic') {
    const user = section.text('user');
    if (user === undefined) section.fault('user', 'is missing');
    return { by, user: user ?? '' };
  }
  const [header, query, body] = [readHeaderName(section, 'header'), section.text('query'), section.text('body')];
  if (['header', 'query', 'body'].filter((place) => section.has(place)).length !== 1) {
    section.fault('by', 'secret needs one of header, query and body beside it');
  }
  const prefix = section.text('prefix') ?? '';
  if (header !== undefined) return { by, place: { header }, prefix };
  if (query !== undefined) return { by, place: { query }, prefix };
  return body === undefined ? undefined : { by, place: { body: pathOf(section, 'body', body) }, prefix };
}

/** In lower case. */
function readHeaderName(section: Section, key: string): string | undefined {
  const name = section.text(key);
  if (name !== undefined && !TOKEN.test(name)) section.fault(key, 'is no name of a header');
  return name?.toLowerCase();
}

function readHmac(section: Section, format: Format): SignatureDescription {
  const header = readHeaderName(section, 'header');
  if (!section.has('header')) section.fault('header', 'is missing: where the signature stands');
  const algorithm = section.choice('algorithm', ['sha256', 'sha512', 'sha1']) ?? 'sha256';
  const encoding = section.choice('encoding', ['hex', 'base64']) ?? 'hex';
  const prefix = section.text('prefix') ?? '';
  const timestamp = readHeaderName(section, 'timestamp');
  const over = readSignedParts(section, format);
  if (
    timestamp !== undefined &&
    !over.some((part) => typeof part === 'object' && 'header' in part && part.header === timestamp)
  ) {
    section.fault('timestamp', 'is not signed: {header:…} of the same name must stand in over');
  }
  return { by: 'hmac', header: header ?? '', algorithm, encoding, prefix, over, timestamp };
}

/** What the signature is made over: `{body}`, `{url}` and `{header:NAME}` with what stands between them. */
function readSignedParts(section: Section, format: Format): readonly SignedPart[] {
  const text = section.has('over') ? section.text('over') : '{body}';
  const parts = (text ?? '').split(/(\{[^{}]*\})/).filter((piece) => piece !== '');
  const known = parts.map((piece): SignedPart | undefined => {
    const [, name, header] = /^\{(body|url|header:([!#$%&'*+.^_`|~\w-]+))\}$/.exec(piece) ?? [];
    if (header !== undefined) return { header: header.toLowerCase() };
    if (name === 'body' || name === 'url') return { part: name };
    return /[{}]/.test(piece) ? undefined : piece;
  });
  if (known.includes(undefined)) section.fault('over', 'may hold {body}, {url} and {header:NAME}');
  const all = known.filter((part) => part !== undefined);
  // Where the receipt stands.
  const needed = format === 'query' ? 'url' : 'body';
  if (!signs(all, needed) && !known.includes(undefined)) {
    section.fault('over', `must hold {${needed}}: what is not signed proves nothing`);
  }
  return all;
}
