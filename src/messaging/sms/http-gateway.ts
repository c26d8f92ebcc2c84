import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config.js';
import type { SmsGateway, SmsMessage, SmsOutcome, SmsTime } from './sms-gateway.js';
import { NotSent, TimelyPost } from './timely-post.js';

/** More of an answer is not read; what a provider says about a text is short. */
const LONGEST_ANSWER = 64 * 1024;

/** The provider cannot take it now: request timeout, too early, too many requests (RFC 9110, RFC 8470, RFC 6585). */
const TRY_LATER = new Set([408, 425, 429]);

/** Hands texts to a gateway that speaks the JSON of `docs/providers.md`, over HTTP. */
@Injectable()
export class HttpGateway implements SmsGateway {
  readonly name = 'http';
  readonly deduplicates = true;
  readonly #provider: TimelyPost;

  constructor(@Inject(CONFIG) private readonly config: Config) {
    this.#provider = new TimelyPost(config.sms.httpUrl ?? '');
  }

  async send({ id, to, text }: SmsMessage, time: SmsTime): Promise<SmsOutcome> {
    const { httpToken, sender } = this.config.sms;
    const headers = {
      authorization: `Bearer ${httpToken?.reveal() ?? ''}`,
      accept: 'application/json',
      'content-type': 'application/json',
      'idempotency-key': id,
    };
    const body = JSON.stringify({ id, to: to.reveal(), text: text.reveal(), sender: sender ?? null });
    try {
      // A redirect is an answer like others: to follow it would carry a code and a phone number to an address that the
      // operator did not name.
      const response = await this.#provider.post(headers, body, time);
      return outcomeOf(response, await textOf(response));
    } catch (error) {
      return failureOf(error, time.signal);
    }
  }
}

/** As much of it as comes: the status is the answer, and a connection that is lost after it takes nothing back. */
async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  try {
    // What is left unread of a longer one goes with its connection.
    for await (const chunk of response) {
      text += chunk as string;
      if (text.length > LONGEST_ANSWER) break;
    }
  } catch {
    return text;
  }
  return text;
}

function outcomeOf({ statusCode: status = 0, headers }: IncomingMessage, text: string): SmsOutcome {
  const reason = `http_${status}`;
  if (status >= 200 && status < 300) return { kind: 'accepted', messageId: messageIdIn(text) };
  if (TRY_LATER.has(status) || status >= 500) {
    return { kind: 'try_later', reason, retryAfter: retryAfterOf(headers) };
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

/** Seconds or an HTTP date (RFC 9110 §10.2.3), as milliseconds from now: by the provider's clock where it tells that. */
function retryAfterOf({ 'retry-after': header, date: theirNow = '' }: IncomingHttpHeaders): number | null {
  if (header === undefined) return null;
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - (Date.parse(theirNow) || Date.now()));
}

function failureOf(error: unknown, signal: AbortSignal): SmsOutcome {
  if (error instanceof NotSent) return { kind: 'try_later', reason: error.reason, retryAfter: null };
  if (signal.aborted) return { kind: 'unknown', reason: 'timeout' };
  const { code } = error as NodeJS.ErrnoException;
  return { kind: 'unknown', reason: code ?? 'connection_lost' };
}
