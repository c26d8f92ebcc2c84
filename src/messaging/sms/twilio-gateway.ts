import type { IncomingMessage } from 'node:http';
import type { Config, TwilioSettings } from '../../config.js';
import { retryAfterHeader } from '../../gateway-file/index.js';
import type { Logger } from '../../logger.js';
import { receiptUrl } from '../receipt-readers.js';
import { bodyOf, failureOf } from './http-answer.js';
import type { SmsGateway, SmsMessage, SmsOutcome, SmsTime } from './sms-gateway.js';
import { TimelyPost } from './timely-post.js';

/** Twilio drops a text that has waited longer in its queue; it takes 1 to 36,000 seconds. */
const LONGEST_VALIDITY = 36_000;

/** The number cannot be texted, or not by us. Meanings of all codes: https://www.twilio.com/docs/api/errors */
const NUMBER_REFUSED = new Set([
  ...[21211, 21217, 21614], // Not a number, or none that takes texts.
  ...[21265, 21635], // A short code; a landline.
  21610, // Its owner has answered STOP.
  21612, // Not to be reached from this sender.
]);

/** No other number would fare better until somebody puts the account or our settings right. */
const ACCOUNT_REFUSED = new Set([
  ...[20003, 20005, 20008, 20403, 20404], // Token, account closed or suspended, test credentials, no such account.
  ...[21212, 21601, 21603, 21606, 21659, 21660, 21661], // TWILIO_FROM is none of this account's senders, or cannot text.
  ...[21701, 21703, 21704, 21705], // TWILIO_MESSAGING_SERVICE_SID: unknown, or without senders.
  21408, // The country is not switched on.
  21608, // A trial account, which texts verified numbers only.
  21609, // PUBLIC_URL is no address to be called back at.
]);

/** Not taken, and may be taken later: too many requests, the queue of this sender is full, unavailable, maintenance. */
const NOT_NOW = new Set([20429, 21611, 20503, 21730]);

/** What we read of an answer. */
interface TwilioAnswer {
  readonly sid?: unknown;
  readonly code?: unknown;
}

/** Hands texts to Twilio's Messages API (https://www.twilio.com/docs/messaging/api/message-resource). */
export class TwilioGateway implements SmsGateway {
  readonly name = 'twilio';
  /** It knows no id of ours: each POST is a text of its own. */
  readonly deduplicates = false;
  readonly #twilio: TimelyPost;
  readonly #headers: Record<string, string>;
  readonly #always: Record<string, string>;

  constructor(
    settings: TwilioSettings,
    { http }: { readonly http: Pick<Config['http'], 'publicUrl'> },
    private readonly logger: Logger,
  ) {
    const { accountSid, authToken, from, messagingServiceSid, baseUrl } = settings;
    const account = `${baseUrl.replace(/\/+$/, '')}/2010-04-01/Accounts/${encodeURIComponent(accountSid)}`;
    this.#twilio = new TimelyPost(`${account}/Messages.json`);
    this.#headers = {
      authorization: `Basic ${Buffer.from(`${accountSid}:${authToken.reveal()}`).toString('base64')}`,
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
    };
    this.#always = {
      ...(from === undefined ? { MessagingServiceSid: messagingServiceSid ?? '' } : { From: from }),
      ...(http.publicUrl === undefined
        ? {}
        : { StatusCallback: receiptUrl(http.publicUrl, `/v1/delivery/${this.name}`) }),
    };
  }

  async send({ reference, to, text }: SmsMessage, time: SmsTime): Promise<SmsOutcome> {
    const person = { To: to.reveal(), Body: text.reveal(), ValidityPeriod: String(validityOf(time)) };
    const body = new URLSearchParams({ ...this.#always, ...person }).toString();
    try {
      // Redirects are not followed: they would carry a code to an address that the operator did not name.
      const response = await this.#twilio.ask({ method: 'POST', headers: this.#headers, body }, time);
      return this.#outcomeOf(response, answerIn((await bodyOf(response)).body), reference);
    } catch (error) {
      return failureOf(error, time.signal);
    }
  }

  /**
   * A repeat is a second text. So whatever may have been taken is unknown, such as 500 (Twilio: a repeat may reach the
   * person twice) and what we do not know.
   */
  #outcomeOf({ statusCode = 0, headers }: IncomingMessage, { sid, code }: TwilioAnswer, reference: string): SmsOutcome {
    const known = /^\d{5}$/.test(String(code)) ? Number(code) : 0;
    const reason = known ? `twilio_${known}` : `http_${statusCode}`;
    if (statusCode >= 200 && statusCode < 300) return takenOrNot(statusCode, sid);
    if (statusCode === 429 || statusCode === 503 || (statusCode < 500 && NOT_NOW.has(known))) {
      return { kind: 'try_later', reason, retryAfter: retryAfterHeader({ headers }, Date.now()) };
    }
    if (statusCode < 400 || statusCode >= 500) return { kind: 'unknown', reason };
    if (NUMBER_REFUSED.has(known)) return { kind: 'refused', reason };
    if (statusCode !== 401 && !ACCOUNT_REFUSED.has(known)) return { kind: 'unknown', reason };
    this.logger.error(
      { reference, provider: this.name, reason },
      'Twilio refuses our account or settings, not the number',
    );
    return { kind: 'refused', reason };
  }
}

/** So that Twilio does not deliver later what nobody can use any more. In seconds, and no shorter than it takes. */
function validityOf({ usefulBefore = Infinity }: SmsTime): number {
  return Math.max(1, Math.min(LONGEST_VALIDITY, Math.floor((usefulBefore - performance.now()) / 1000)));
}

/** 201 is how Twilio takes a text, whatever becomes of the rest of its answer; any other success may be another's. */
function takenOrNot(statusCode: number, sid: unknown): SmsOutcome {
  const messageId = typeof sid === 'string' && sid !== '' ? sid.slice(0, 255) : null;
  if (messageId === null && statusCode !== 201) return { kind: 'unknown', reason: `http_${statusCode}` };
  return { kind: 'accepted', messageId };
}

function answerIn(text: string): TwilioAnswer {
  try {
    return (JSON.parse(text) as TwilioAnswer | null) ?? {};
  } catch {
    return {};
  }
}
