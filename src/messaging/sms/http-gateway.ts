import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config.js';
import type { SmsGateway, SmsMessage, SmsOutcome } from './sms-gateway.js';

/** More of an answer is not read; what a provider says about a text is short. */
const LONGEST_ANSWER = 64 * 1024;

/** The provider cannot take it now: request timeout, too early, too many requests (RFC 9110, RFC 8470, RFC 6585). */
const TRY_LATER = new Set([408, 425, 429]);

/** Hands texts to a gateway that speaks the JSON of `docs/providers.md`, over HTTP. */
@Injectable()
export class HttpGateway implements SmsGateway {
  readonly name = 'http';
  readonly deduplicates = true;

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  async send(message: SmsMessage, signal: AbortSignal): Promise<SmsOutcome> {
    let response: Response;
    try {
      response = await this.#post(message, signal);
    } catch (error) {
      return failureOf(error);
    }
    return outcomeOf(response, await textOf(response));
  }

  async #post({ id, to, text }: SmsMessage, signal: AbortSignal): Promise<Response> {
    const { httpUrl, httpToken, sender } = this.config.sms;
    return fetch(httpUrl ?? '', {
      method: 'POST',
      headers: {
        authorization: `Bearer ${httpToken?.reveal() ?? ''}`,
        'content-type': 'application/json',
        'idempotency-key': id,
      },
      body: JSON.stringify({ id, to, text, sender: sender ?? null }),
      // A redirect would carry a code and a phone number to an address that the operator did not name.
      redirect: 'manual',
      signal,
    });
  }
}

/** As much of it as comes: the status is the answer, and a connection that is lost after it takes nothing back. */
async function textOf(response: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      if (text.length > LONGEST_ANSWER) break;
    }
  } catch {
    return text;
  }
  return text;
}

function outcomeOf(response: Response, text: string): SmsOutcome {
  const { status } = response;
  const reason = `http_${status}`;
  if (status >= 200 && status < 300) return { kind: 'accepted', messageId: messageIdIn(text) };
  if (TRY_LATER.has(status) || status >= 500) {
    return { kind: 'try_later', reason, retryAfter: retryAfterOf(response.headers.get('retry-after')) };
  }
  return { kind: 'refused', reason };
}

function messageIdIn(text: string): string | null {
  try {
    const body = JSON.parse(text) as { message_id?: unknown } | null;
    const id = body?.message_id;
    return typeof id === 'string' || typeof id === 'number' ? String(id).slice(0, 255) : null;
  } catch {
    return null;
  }
}

/** Seconds or an HTTP date (RFC 9110 §10.2.3), as milliseconds from now. */
function retryAfterOf(header: string | null): number | null {
  if (header === null) return null;
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now());
}

/** Codes of errors that come before a byte was sent: the provider cannot have taken the text. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

function failureOf(error: unknown): SmsOutcome {
  const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined;
  const code = typeof cause?.code === 'string' ? cause.code : undefined;
  if (code !== undefined && NEVER_SENT.has(code)) return { kind: 'try_later', reason: code, retryAfter: null };
  const timedOut = error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
  return { kind: 'unknown', reason: timedOut ? 'timeout' : (code ?? 'connection_lost') };
}
