import { foundAt, idOf, parseBody, textAt } from './document.js';
import type { AnswerRule, Found, GatewayDescription, Source } from './gateway-description.js';

/** What a gateway answered. */
export interface GatewayAnswer {
  readonly status: number;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** As much of it as came. */
  readonly body: string;
  /** Whether that is all. */
  readonly complete: boolean;
}

/** What an answer means. */
export type Verdict =
  | { readonly kind: 'accepted'; readonly messageId: string | null }
  | { readonly kind: 'refused' | 'unknown'; readonly reason: string }
  /** In milliseconds, where the gateway said it. */
  | { readonly kind: 'try_later'; readonly reason: string; readonly retryAfter: number | null };

/** The gateway cannot take it now: request timeout, too early, too many requests (RFC 9110, RFC 8470, RFC 6585). */
const TRY_LATER = new Set([408, 425, 429]);
const LONGEST_ID = 255;
/** From here on a number is a time: the year 2001 in seconds since 1970; nobody waits for 31 years. */
const EARLIEST_TIME = 1e9;

interface Read extends GatewayAnswer {
  /** Undefined: it cannot be read, or not all of it came. */
  readonly document: object | undefined;
}

/**
 * What an answer means by the rules of the file. Where none fits, the status says it: 408, 425, 429 and 5xx that the text may
 * be taken later, 2xx nothing certain, any other that it is refused. Where it cannot be told whether a rule fits, nothing is
 * certain either: a rule behind it may be for what this one was to catch.
 * @param now for a Retry-After that is a date, in milliseconds
 */
export function judge(gateway: GatewayDescription, answer: GatewayAnswer, now: number): Verdict {
  const { complete, body } = answer;
  const document = complete ? parseBody(body, headerOf(answer, 'content-type') ?? '') : undefined;
  const read = { ...answer, document };
  const reason = `http_${answer.status}`;
  for (const rule of gateway.answers) {
    const fit = fits(rule, read);
    if (fit) return verdictOf(rule, read, reason, now);
    if (fit === undefined) return { kind: 'unknown', reason };
  }
  if (TRY_LATER.has(answer.status) || answer.status >= 500) {
    return { kind: 'try_later', reason, retryAfter: retryAfterHeader(read, now) };
  }
  return { kind: answer.status >= 200 && answer.status < 300 ? 'unknown' : 'refused', reason };
}

/** Undefined: it cannot be told. */
function fits({ status, headers, body, text }: AnswerRule, answer: Read): boolean | undefined {
  if (status?.(answer.status) === false) return false;
  const ofHeaders = headers.map(([name, matcher]) => matcher(inHeader(answer, name)));
  if (ofHeaders.includes(false)) return false;
  if (body.length === 0 && text === undefined) return !ofHeaders.includes(undefined);
  // What was lost of the body may be what the rule asks for.
  if (!answer.complete) return undefined;
  if (text?.matcher(answer.body.trim()).find() === false) return false;
  const { document } = answer;
  if (body.length > 0 && !document) return false;
  const all = [...ofHeaders, ...body.map(([path, matcher]) => matcher(foundAt(document, path)))];
  if (all.includes(false)) return false;
  return all.includes(undefined) ? undefined : true;
}

function inHeader(answer: Read, name: string): Found {
  const text = headerOf(answer, name);
  return { isThere: text !== undefined, text };
}

function verdictOf(rule: AnswerRule, answer: Read, status: string, now: number): Verdict {
  if (rule.outcome === 'accepted') {
    return { kind: 'accepted', messageId: (rule.id && idOf(valueAt(rule.id, answer))?.slice(0, LONGEST_ID)) ?? null };
  }
  const said = rule.reason && valueAt(rule.reason, answer);
  // Only what is a word or a code: free text may hold the number or the text itself, and this goes into the log.
  const isWord = said !== undefined && /^[\w.:-]{1,64}$/.test(said) && !/\d{7}/.test(said);
  const reason = isWord ? `${status}:${said}` : status;
  if (rule.outcome !== 'try_later') return { kind: rule.outcome, reason };
  return { kind: 'try_later', reason, retryAfter: retryAfterOf(rule, answer, now) };
}

function valueAt({ body, header, pattern }: Source, answer: Read): string | undefined {
  // Half an id is another's.
  const all = answer.complete ? answer.body : undefined;
  const whole = body ? textAt(answer.document, body) : header === undefined ? all : headerOf(answer, header);
  if (!pattern || whole === undefined) return whole?.trim();
  const found = pattern.matcher(whole.trim());
  if (!found.find()) return undefined;
  return (found.groupCount() > 0 ? found.group(1) : null) ?? found.group() ?? undefined;
}

function retryAfterOf({ retryAfter }: AnswerRule, answer: Read, now: number): number | null {
  if (typeof retryAfter === 'number') return retryAfter * 1000;
  const said = retryAfter && valueAt(retryAfter, answer);
  return said === undefined ? retryAfterHeader(answer, now) : inMilliseconds(said, answer, now);
}

/** The Retry-After of an answer, in milliseconds from `now`; null where it names none. */
export function retryAfterHeader(answer: Pick<GatewayAnswer, 'headers'>, now: number): number | null {
  const header = headerOf(answer, 'retry-after');
  return header === undefined ? null : inMilliseconds(header, answer, now);
}

/**
 * Seconds, an HTTP date (RFC 9110 §10.2.3) or a time in seconds or milliseconds since 1970; from now, by the gateway's clock
 * where it tells that.
 */
function inMilliseconds(text: string, answer: Pick<GatewayAnswer, 'headers'>, now: number): number | null {
  const number = /^\d{1,13}(\.\d{1,6})?$/.test(text) ? Number(text) : NaN;
  if (number < EARLIEST_TIME) return number * 1000;
  if (/^[\d.]+$/.test(text) && Number.isNaN(number)) return null;
  const date = Number.isNaN(number) ? Date.parse(text) : number < EARLIEST_TIME * 100 ? number * 1000 : number;
  return Number.isNaN(date) ? null : Math.max(0, date - (Date.parse(headerOf(answer, 'date') ?? '') || now));
}

function headerOf({ headers }: Pick<GatewayAnswer, 'headers'>, name: string): string | undefined {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  return Array.isArray(value) ? value[0] : value;
}
