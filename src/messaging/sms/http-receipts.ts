import { parsePhoneNumber } from '../../agreement/index.js';
import type { Config } from '../../config.js';
import { isSigned, readReceipt } from '../../gateway-file/index.js';
import type { Secret } from '../../secret.js';
import type { Receipt, ReceiptReader, ReceiptRequest } from './sms-gateway.js';

/** Reads what the gateway of the provider `http` says later: the contract's own JSON, or what its file describes. */
export class HttpReceipts implements ReceiptReader {
  readonly provider = 'http';

  /** @param now in milliseconds since 1970: signatures are good for five minutes */
  constructor(
    private readonly config: { readonly sms: Pick<Config['sms'], 'http'> },
    private readonly now: () => number = Date.now,
  ) {}

  read(request: ReceiptRequest): readonly Receipt[] | 'forged' | 'malformed' {
    const { gateway, webhookSecret } = this.config.sms.http ?? {};
    // Without a secret nobody can prove anything.
    if (!gateway?.receipts || !webhookSecret) return 'forged';
    const { receipts } = gateway;
    if (!isSigned(receipts.signed, request, webhookSecret.reveal(), this.now())) return 'forged';
    return (
      readReceipt(receipts, request)?.map(({ ids, state, reason, recipient }) => ({
        provider: this.provider,
        messageIds: ids,
        recipient: recipient === undefined ? null : phoneIn(recipient),
        state,
        reason,
      })) ?? 'malformed'
    );
  }
}

/** Gateways leave out the +, or write 00 for it. A name or a mask is no number. */
function phoneIn(text: string): Secret<string> | null {
  try {
    const typed = text.trim().replace(/^00/, '+');
    const number = typed.startsWith('+') ? typed : `+${typed}`;
    return parsePhoneNumber(number, { countries: '*', defaultRegion: undefined }).e164;
  } catch {
    return null;
  }
}
