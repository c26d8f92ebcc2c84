import { createHmac, timingSafeEqual } from 'node:crypto';
import { parseForm, parseJson, textAt } from './document.js';
import type { SecretPlace, SignatureDescription, SignedPart } from './gateway-description.js';

/** What came in as a receipt. */
export interface ReceivedReceipt {
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly url: string;
}

/** Both ways, in seconds: https://www.standardwebhooks.com (the reference libraries) */
const TOLERANCE = 5 * 60;

/**
 * Whether a receipt is the gateway's own.
 * @param secret SMS_HTTP_WEBHOOK_SECRET
 * @param now in milliseconds
 */
export function isSigned(signed: SignatureDescription, request: ReceivedReceipt, secret: string, now: number): boolean {
  if (signed.by === 'standard-webhooks') return byStandardWebhooks(request, secret, now);
  if (signed.by === 'hmac') return byHmac(signed, request, secret, now);
  if (signed.by === 'basic') return byBasic(signed.user, request, secret);
  const given = secretIn(signed.place, request);
  return given !== undefined && isSame(given, signed.prefix + secret);
}

/** The scheme is written in capitals or not (RFC 9110 §11.1). */
function byBasic(user: string, request: ReceivedReceipt, secret: string): boolean {
  const [, given] = /^basic +(\S+)$/i.exec(one(request, 'authorization') ?? '') ?? [];
  return given !== undefined && isSame(given, Buffer.from(`${user}:${secret}`).toString('base64'));
}

function byStandardWebhooks(request: ReceivedReceipt, secret: string, now: number): boolean {
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) =>
    one(request, name),
  );
  if (!id || !timestamp || !signatures || !isRecent(timestamp, now)) return false;
  const signatureBy = (key: Buffer): string =>
    createHmac('sha256', key).update(`${id}.${timestamp}.`).update(request.body).digest('base64');
  const wanted = webhookKeys(secret).map((key) => `v1,${signatureBy(key)}`);
  // All are compared, whichever fits: how long it takes says nothing.
  const same = signatures.split(' ').flatMap((given) => wanted.map((expected) => isSame(given, expected)));
  return same.includes(true);
}

/**
 * The keys that a secret may mean: `whsec_` and base64; without that prefix the text itself, or what it is the base64 of,
 * since senders differ in it.
 */
export function webhookKeys(secret: string): readonly Buffer[] {
  const [, encoded] = /^whsec_(.*)$/s.exec(secret) ?? [];
  const key = Buffer.from(encoded ?? secret, 'base64');
  const isBase64 =
    key.length > 0 && key.toString('base64').replace(/=+$/, '') === (encoded ?? secret).replace(/=+$/, '');
  if (encoded !== undefined) return isBase64 ? [key] : [];
  return [Buffer.from(secret), ...(isBase64 && key.length >= 16 ? [key] : [])];
}

/** Whether a signature is made over the body, or over the address. */
export function signs(over: readonly SignedPart[], which: 'body' | 'url'): boolean {
  return over.some((part) => typeof part === 'object' && 'part' in part && part.part === which);
}

type Hmac = Extract<SignatureDescription, { by: 'hmac' }>;

function byHmac(
  { header, algorithm, encoding, prefix, over, timestamp }: Hmac,
  request: ReceivedReceipt,
  secret: string,
  now: number,
): boolean {
  const given = one(request, header);
  if (timestamp !== undefined && !isRecent(one(request, timestamp) ?? '', now)) return false;
  const hmac = createHmac(algorithm, secret);
  for (const part of over) {
    if (typeof part === 'string') hmac.update(part);
    else if ('header' in part) hmac.update(one(request, part.header) ?? '');
    else hmac.update(part.part === 'body' ? request.body : request.url);
  }
  const digest = hmac.digest();
  if (given === undefined) return false;
  if (encoding === 'base64') return isSame(given, prefix + digest.toString('base64'));
  return isSame(
    given.slice(0, prefix.length) + given.slice(prefix.length).toLowerCase(),
    prefix + digest.toString('hex'),
  );
}

function secretIn(place: SecretPlace, request: ReceivedReceipt): string | undefined {
  if ('header' in place) return one(request, place.header);
  if ('query' in place) return new URL(request.url, 'http://localhost').searchParams.get(place.query) ?? undefined;
  const body = request.body.toString('utf8');
  return textAt(parseJson(body) ?? parseForm(body), place.body);
}

/** Seconds since 1970, or milliseconds, written as a number. */
function isRecent(timestamp: string, now: number): boolean {
  if (!/^\d{1,13}$/.test(timestamp)) return false;
  const seconds = timestamp.length > 11 ? Math.floor(Number(timestamp) / 1000) : Number(timestamp);
  return Math.abs(Math.floor(now / 1000) - seconds) <= TOLERANCE;
}

/** In a time that does not tell where they differ. */
function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The header, if it stands there once. */
function one({ headers }: ReceivedReceipt, name: string): string | undefined {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}
