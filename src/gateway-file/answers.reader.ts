import { RE2JS, RE2JSException, RE2JSSyntaxException } from 're2js';
import { isMap, isScalar, isSeq, type Node } from 'yaml';
import type { AnswerRule, Matcher, Path, Source } from './gateway-description.js';
import { Section, textOf } from './section.js';

const OUTCOMES = ['accepted', 'refused', 'try_later', 'unknown'] as const;

/** Reads the list `answers`. */
export function readAnswers(root: Section): readonly AnswerRule[] {
  const node = root.get('answers');
  if (!root.has('answers')) root.fault('answers', 'is missing: what the gateway answers, and what it means');
  if (node && (!isSeq(node) || node.items.length === 0)) root.fault('answers', 'must be a list with a rule in it');
  const items = isSeq(node) ? (node.items as Node[]) : [];
  const rules = items.flatMap((item, index) => {
    if (isMap(item)) return [readRule(new Section(item, `answers[${index}].`, root.faults))];
    root.faults.add(item, `answers[${index}] must be a mapping of keys to values`);
    return [];
  });
  if (items.length > 0 && rules.every(({ outcome }) => outcome !== 'accepted')) {
    root.fault('answers', 'says of no answer that the text was accepted');
  }
  return rules;
}

function readRule(section: Section): AnswerRule {
  const outcome = section.choice('outcome', OUTCOMES);
  if (!section.has('outcome')) section.fault('outcome', `is missing: one of ${OUTCOMES.join(', ')}`);
  const rule = {
    outcome: outcome ?? 'unknown',
    status: readStatus(section),
    body: readMatchers(section, 'body').map(([name, matcher]) => [pathOf(section, 'body', name), matcher] as const),
    headers: readMatchers(section, 'headers').map(([name, matcher]) => [name.toLowerCase(), matcher] as const),
    text: readPattern(section, 'text'),
    id: outcome === 'accepted' ? readId(section) : undefined,
    reason: outcome === 'accepted' ? undefined : readSource(section, 'reason'),
    retryAfter: outcome === 'try_later' ? readRetryAfter(section) : undefined,
  };
  section.close();
  return rule;
}

function readId(section: Section): Source | undefined {
  if (!section.has('id')) {
    section.fault('id', 'is missing: where the answer says under which id it took the text; none where it does not');
  }
  return textOf(section.get('id')) === 'none' ? undefined : readSource(section, 'id');
}

function readRetryAfter(section: Section): Source | number | undefined {
  const node = section.get('retry_after');
  // In quotes it is a number too; a path of one index is written /0.
  const isNumber = isScalar(node) && (typeof node.value === 'number' || /^\d+$/.test(String(node.value)));
  if (!isNumber) return readSource(section, 'retry_after');
  const seconds = Number(node.value);
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > 86_400) {
    section.fault('retry_after', 'must be a whole number of seconds from 0 to 86400');
  }
  return seconds;
}

/** Statuses such as 200, 2xx and 200-299, one or a list. */
function readStatus(section: Section): AnswerRule['status'] {
  const texts = section.texts('status');
  if (!texts) return undefined;
  const ranges = texts.map((text) => {
    const [, hundred, from = '', to = from] = /^(?:([1-5])xx|(\d{3})(?:\s*-\s*(\d{3}))?)$/i.exec(text) ?? [];
    if (hundred !== undefined) return [Number(hundred) * 100, Number(hundred) * 100 + 99] as const;
    const [low, high] = [Number(from), Number(to)];
    if (low >= 100 && high <= 599 && low <= high) return [low, high] as const;
    section.fault(
      'status',
      'must be a status such as 200, a class such as 2xx, a range such as 200-299, or a list of them',
    );
    return [0, 0] as const;
  });
  return (status) => ranges.some(([low, high]) => status >= low && status <= high);
}

function readMatchers(parent: Section, key: string): (readonly [string, Matcher])[] {
  const section = parent.section(key);
  if (!section) return [];
  return section.entries().map(([name, , node]) => [name, readMatcher(section, name, node)] as const);
}

const NOTHING: Matcher = () => false;
const MATCHERS = ['matches', 'not', 'from', 'to', 'present'];

/** A text, a list of texts of which one must fit, or a mapping that says more. */
function readMatcher(section: Section, key: string, node: Node | null): Matcher {
  if (!isMap(node)) {
    const isNull = !node || (isScalar(node) && node.value === null);
    if (isNull) section.fault(key, 'has no value; what must not be there is { present: false }');
    const texts = isNull ? undefined : section.texts(key);
    return texts ? ({ text }) => text !== undefined && texts.includes(text) : NOTHING;
  }
  const inner = new Section(node, `${section.path}${key}.`, section.faults);
  const [only, ...more] = inner.entries();
  if (!only || more.length > 0 || !MATCHERS.includes(only[0])) {
    if (only && more.length === 1 && inner.has('from') && inner.has('to')) return between(inner);
    section.fault(key, `must hold one of ${MATCHERS.join(', ')}, or from and to`);
    return NOTHING;
  }
  return readOne(inner, only[0]);
}

function readOne(inner: Section, name: string): Matcher {
  if (name === 'matches') {
    const pattern = readPattern(inner, name);
    return ({ text }) => text !== undefined && pattern?.matcher(text.trim()).find() === true;
  }
  if (name === 'not') {
    const texts = inner.texts(name) ?? [];
    // A list or a mapping is no value that anybody named, nor one that anybody ruled out.
    return ({ isThere, text }) => (text === undefined ? isThere === false || undefined : !texts.includes(text));
  }
  if (name === 'present') {
    const wanted = inner.flag(name);
    return ({ isThere }) => (isThere === undefined ? undefined : isThere === wanted);
  }
  return between(inner);
}

function between(inner: Section): Matcher {
  const [from = -Infinity, to = Infinity] = ['from', 'to'].map((name) => {
    const text = inner.text(name);
    if (text !== undefined && !isNumber(text)) inner.fault(name, 'must be a number');
    return text === undefined ? undefined : Number(text);
  });
  return ({ text }) => text !== undefined && isNumber(text) && Number(text) >= from && Number(text) <= to;
}

const isNumber = (text: string): boolean => /^-?\d{1,15}(\.\d{1,9})?$/.test(text);

/**
 * A pattern in the syntax of RE2, which takes time in proportion to the text, whatever the pattern and whatever the text.
 * Undefined where there is none, or a wrong one.
 */
function readPattern(section: Section, key: string): RE2JS | undefined {
  const text = section.text(key);
  if (text === undefined) return undefined;
  try {
    return RE2JS.compile(text);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    // Its message would repeat the pattern.
    const why = error instanceof RE2JSSyntaxException ? error.error : 'too long';
    section.fault(key, `is a pattern that cannot be used: ${why}`);
    return undefined;
  }
}

/** Where a value is: a path in the body, or `{body | header | text, pattern}`. */
function readSource(parent: Section, key: string): Source | undefined {
  const node = parent.get(key);
  if (!node) return undefined;
  if (!isMap(node)) {
    const path = parent.text(key);
    return path === undefined ? undefined : { body: pathOf(parent, key, path) };
  }
  const section = new Section(node, `${parent.path}${key}.`, parent.faults);
  const kinds = ['body', 'header', 'text'].filter((kind) => section.has(kind));
  if (kinds.length !== 1) parent.fault(key, 'must say one of body, header and text');
  const body = section.text('body');
  const header = section.text('header');
  const text = readPattern(section, 'text');
  const pattern = readPattern(section, 'pattern') ?? text;
  if (section.has('text') && section.has('pattern')) section.fault('pattern', 'and text exclude each other');
  section.close();
  return {
    ...(body === undefined ? {} : { body: pathOf(section, 'body', body) }),
    ...(header === undefined ? {} : { header: header.toLowerCase() }),
    ...(pattern ? { pattern } : {}),
  };
}

/** `messages.0.status`, or a JSON pointer (RFC 6901) where a key has a dot in it: `/messages/0/status`. */
export function pathOf(section: Section, key: string, text: string): Path {
  if (text.startsWith('/')) {
    const parts = text.slice(1).split('/');
    return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  }
  const parts = text.split('.');
  if (parts.includes('')) section.fault(key, 'must be a path such as messages.0.id, or /messages/0/id');
  return parts;
}
