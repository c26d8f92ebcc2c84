import type { JsonTemplate, RequestBody, RequestDescription } from './gateway-description.js';
import { isHeaderValue } from './request.reader.js';
import { fill, soleName, type Template, type Values } from './template.js';

/** A request that is ready to be sent to the gateway's origin. */
export interface WrittenRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: none. */
  readonly body: string | null;
}

/** Where the file says nothing else. Some gateways turn away who does not say what it is. */
const DEFAULT_HEADERS = { accept: 'application/json, */*;q=0.5', 'user-agent': 'agreement-service' };

/** A value does not fit where the file puts it; `message` says where, without the value. */
export class UnfitValue extends Error {}

/**
 * Where the request goes.
 * @param url SMS_HTTP_URL; used where the file does not name a host of its own
 * @returns scheme, host and port, and the part of the path that SMS_HTTP_URL brings
 */
export function addressOf(request: RequestDescription, url: string | undefined): { origin: string; path: string } {
  const { origin, pathname, search } = new URL(request.origin ?? url ?? '');
  if (request.origin !== undefined) return { origin, path: '' };
  const goesOn = request.target.length > 0;
  return { origin, path: goesOn ? pathname.replace(/\/$/, '') : pathname + search };
}

/**
 * Puts the values where the file wants them, each written as its place demands: percent-encoded in the path and the query,
 * as a value of JSON, form-encoded, or as it is in a header.
 * @param path what SMS_HTTP_URL brings
 * @throws UnfitValue where one cannot stand in its place
 */
export function writeRequest(request: RequestDescription, path: string, values: Values): WrittenRequest {
  for (const value of Object.values(values)) if (value?.includes('\0')) throw new UnfitValue('a value has a NUL in it');
  const body = request.body && writeBody(request.body, values);
  const given = writeHeaders(request, values);
  const headers = { ...DEFAULT_HEADERS, ...(body ? { 'content-type': body.type } : {}), ...given };
  return { method: request.method, target: writeTarget(request, path, values), headers, body: body?.text ?? null };
}

function writeTarget({ target, query }: RequestDescription, path: string, values: Values): string {
  const own = fill(target.map(escaped), values, (value) => {
    // A server takes a dot segment, written in whatever way, out of the path (RFC 3986 §5.2.4).
    if (/^\.{1,2}$/.test(value)) throw new UnfitValue('a value would change the path');
    return percentEncoded(value);
  });
  const whole = path + own || '/';
  const rooted = whole.startsWith('/') ? whole : `/${whole}`;
  const parameters = query.flatMap(([name, template]) => {
    if (isLeftOut(template, values)) return [];
    return [`${percentEncoded(name)}=${fill(template, values, (value) => value).replace(/^.*$/s, percentEncoded)}`];
  });
  if (parameters.length === 0) return rooted;
  return `${rooted}${rooted.includes('?') ? '&' : '?'}${parameters.join('&')}`;
}

/** What the file says itself may hold letters that HTTP does not carry in an address. */
const escaped = (part: Template[number]): Template[number] =>
  typeof part === 'string' ? part.replace(/[^\x21-\x7e]+/g, percentEncoded) : part;

/** Also the signs that encodeURIComponent leaves, as RFC 3986 reserves them. */
function percentEncoded(value: string): string {
  const encoded = encodeURIComponent(value.toWellFormed());
  return encoded.replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function writeHeaders({ headers, basic }: RequestDescription, values: Values): Record<string, string> {
  const written = headers
    .filter(([, template]) => !isLeftOut(template, values))
    .map(([name, template]) => {
      const value = fill(template, values, (one) => one);
      if (!isHeaderValue(value)) throw new UnfitValue(`a header cannot hold what ${name} is to hold`);
      return [name, value] as const;
    });
  if (basic) {
    const [user, password] = [basic.user, basic.password].map((template) => fill(template, values, (one) => one));
    const pair = Buffer.from(`${user ?? ''}:${password ?? ''}`, 'utf8').toString('base64');
    written.push(['authorization', `Basic ${pair}`]);
  }
  return Object.fromEntries(written);
}

function writeBody(body: RequestBody, values: Values): { type: string; text: string } {
  if (body.kind === 'json') return { type: 'application/json', text: JSON.stringify(jsonOf(body.value, values)) };
  const fields = new URLSearchParams();
  for (const [name, template] of body.fields) {
    if (!isLeftOut(template, values))
      fields.append(
        name,
        fill(template, values, (value) => value),
      );
  }
  return { type: 'application/x-www-form-urlencoded', text: fields.toString() };
}

/** The value itself, never text put together: a quote in it stays a quote in it. */
function jsonOf(value: JsonTemplate, values: Values): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('list' in value) return value.list.map((item) => jsonOf(item, values));
  if ('fields' in value) return Object.fromEntries(value.fields.map(([name, field]) => [name, jsonOf(field, values)]));
  const name = soleName(value.template);
  if (name === undefined) return fill(value.template, values, (one) => one);
  return name === 'to_number' ? Number(values.to_number) : values[name];
}

/** A parameter that is a placeholder alone, for which the operator gave nothing. */
function isLeftOut(template: Template, values: Values): boolean {
  const name = soleName(template);
  return name !== undefined && values[name] === null;
}
