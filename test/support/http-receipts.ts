import { contractGateway, readGateway } from '../../src/gateway-file/index.js';
import { HttpReceipts } from '../../src/messaging/sms/http-receipts.js';
import { Secret } from '../../src/secret.js';

export const RECEIPT_SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

/** When the readers are, in seconds since 1970. */
export const NOW = Math.floor(Date.now() / 1000);

/** A reader of receipts. @param given the file of the gateway, none for the contract's own; `now` in milliseconds */
export function readerOf({
  secret = RECEIPT_SECRET,
  file,
  now = NOW * 1000,
}: { readonly secret?: string; readonly file?: string; readonly now?: number } = {}): HttpReceipts {
  const read = file === undefined ? contractGateway() : readGateway(file);
  if ('faults' in read) throw new Error(JSON.stringify(read.faults));
  const webhookSecret = new Secret(secret);
  const http = { gateway: read.gateway, url: undefined, user: undefined, token: undefined, webhookSecret };
  return new HttpReceipts({ sms: { http } }, () => now);
}
