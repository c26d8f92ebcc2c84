import type { Config } from '../config.js';
import type { Logger } from '../logger.js';
import { HttpReceipts } from './sms/http-receipts.js';
import type { ReceiptReader } from './sms/sms-gateway.js';
import { TwilioReceipts } from './sms/twilio-receipt.js';

/** Injection token of those who read receipts that come over HTTP, by provider: `ReadonlyMap<string, ReceiptReader>`. */
export const RECEIPT_READERS = Symbol('RECEIPT_READERS');

/** Of the providers in use, those whose signature can be checked. */
export function receiptReaders({ sms, http }: Config, logger: Logger): ReadonlyMap<string, ReceiptReader> {
  const all: ReceiptReader[] = [];
  // Twilio signs the address that it calls, which nothing in a request can be believed about.
  if (sms.twilio && http.publicUrl !== undefined) all.push(new TwilioReceipts(sms.twilio));
  else if (sms.twilio) logger.warn('PUBLIC_URL is not set: no receipts of twilio can be checked, so none are taken');
  if (sms.http?.webhookSecret && sms.http.gateway.receipts) all.push(new HttpReceipts({ sms }));
  return new Map(all.map((reader) => [reader.provider, reader]));
}

/**
 * Where a provider has sent its receipt, as it knows the address: PUBLIC_URL, whose path a proxy in front takes off, with
 * path and query as they came. Without PUBLIC_URL the latter alone.
 */
export function receiptUrl(publicUrl: string | undefined, target: string): string {
  if (publicUrl === undefined) return target;
  const [base = ''] = publicUrl.split(/[?#]/, 1);
  return base.replace(/\/+$/, '') + target;
}
