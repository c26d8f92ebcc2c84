import { createHmac, timingSafeEqual } from 'node:crypto';
import { secretPhone } from '../../agreement/index.js';
import type { TwilioSettings } from '../../config.js';
import type { Receipt, ReceiptReader, ReceiptRequest, UndeliveredReason } from './sms-gateway.js';

/** The ends of a text's way; `read` is known of channels other than SMS. */
const ENDS: ReadonlyMap<string, Receipt['state']> = new Map([
  ['delivered', 'delivered'],
  ['read', 'delivered'],
  ['undelivered', 'undelivered'],
  ['failed', 'undelivered'],
  ['canceled', 'undelivered'],
]);

/** After each of them another one follows, or none. */
const STEPS = new Set([
  ...['accepted', 'scheduled', 'queued', 'sending', 'sent', 'partially_delivered', 'receiving', 'received'],
]);

/** Twilio's delivery errors (https://www.twilio.com/docs/api/errors); all others are `other`. */
const REASONS: ReadonlyMap<string, UndeliveredReason> = new Map([
  ['30001', 'network'], // Twilio's queue has overflowed.
  ['30002', 'rejected'], // Our account is suspended.
  ['30003', 'absent'], // The phone is off or out of reach.
  ['30004', 'blocked'],
  ['30005', 'unknown_number'],
  ['30006', 'unknown_number'], // A landline, or a network that cannot be reached.
  ['30007', 'content'], // Filtered.
  ['30034', 'rejected'], // Our sender is not registered with the network.
  ['30036', 'expired'], // Our ValidityPeriod is over.
  ['30410', 'network'], // A carrier did not answer in time.
  ['21610', 'blocked'], // Its owner has answered STOP.
]);

const E164 = /^\+[1-9]\d{1,14}$/;

/** Reads Twilio's status callbacks (https://www.twilio.com/docs/messaging/guides/track-outbound-message-status). */
export class TwilioReceipts implements ReceiptReader {
  readonly provider = 'twilio';

  constructor(private readonly settings: Pick<TwilioSettings, 'authToken'>) {}

  read({ headers, body, url }: ReceiptRequest): readonly Receipt[] | 'forged' | 'malformed' {
    const fields = new URLSearchParams(body.toString('utf8'));
    const signature = headers['x-twilio-signature'];
    if (typeof signature !== 'string' || !isSigned(signature, url, fields, this.settings.authToken.reveal())) {
      return 'forged';
    }
    const messageId = fields.get('MessageSid');
    const status = fields.get('MessageStatus') ?? '';
    const state = ENDS.get(status);
    if (!messageId || (state === undefined && !STEPS.has(status))) return 'malformed';
    if (state === undefined) return [];
    const to = fields.get('To') ?? '';
    const reason = state === 'delivered' ? null : (REASONS.get(fields.get('ErrorCode') ?? '') ?? 'other');
    const recipient = E164.test(to) ? secretPhone(to) : null;
    return [{ provider: this.provider, messageIds: [messageId], recipient, state, reason }];
  }
}

/**
 * HMAC-SHA1, in base64, over the address and then name and value of each parameter, in the order of the names
 * (https://www.twilio.com/docs/usage/webhooks/webhooks-security). Twilio leaves the port of the address out or keeps
 * it; either is right, also where the address here names none.
 */
function isSigned(signature: string, url: string, fields: URLSearchParams, authToken: string): boolean {
  const given = Buffer.from(signature);
  const parameters = signedParameters(fields);
  return addressesOf(url).some((address) => {
    const expected = Buffer.from(
      createHmac('sha1', authToken)
        .update(address + parameters)
        .digest('base64'),
    );
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

/** A name with several values gives each value once, in order. */
function signedParameters(fields: URLSearchParams): string {
  const names = [...new Set(fields.keys())].sort();
  return names.flatMap((name) => [...new Set(fields.getAll(name))].sort().map((value) => name + value)).join('');
}

/** Without a port, and with it: its own or the standard one. Nothing else of it is touched. */
function addressesOf(url: string): readonly string[] {
  const [, scheme = '', user = '', host = '', port, rest = ''] =
    /^(https?:\/\/)([^/?#]*@)?(\[[^\]]*\]|[^/?#:]*)(:\d*)?(.*)$/is.exec(url) ?? [];
  const standard = scheme.toLowerCase() === 'https://' ? ':443' : ':80';
  return [scheme + user + host + rest, scheme + user + host + (port ?? standard) + rest];
}
