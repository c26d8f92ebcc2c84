import type { Secret } from '../../secret.js';

/** One text to one person. */
export interface SmsMessage {
  /** The same at every try of one code with one provider, so that it can tell a repeat. */
  readonly id: string;
  readonly reference: string;
  /** E.164, or an address of e-mail. */
  readonly to: Secret<string>;
  readonly text: Secret<string>;
  /** What a mail has besides; null for a text to a phone. */
  readonly mail: { readonly subject: string; readonly html: Secret<string> } | null;
}

/** What became of a text at its provider, as far as the provider says. */
export type SmsOutcome =
  | { readonly kind: 'accepted'; readonly messageId: string | null }
  /** For good: the same text would be refused again. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Not taken, or not even sent; may be taken later. `retryAfter` in milliseconds where the provider named a time. */
  | { readonly kind: 'try_later'; readonly reason: string; readonly retryAfter: number | null }
  /** It may or may not have been taken: no answer came. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** The time that one try has. */
export interface SmsTime {
  /**
   * From then on nothing may be sent, by `performance.now()`: a process that was stopped meanwhile finds that another one
   * has the try, or that the code is too old. To be asked with nothing but the sending after it.
   */
  readonly sendBefore: number;
  /** From then on the text comes too late, by `performance.now()`, wherever it waits: for providers that can be told. */
  readonly usefulBefore?: number;
  /** The end of the waiting for an answer; the outcome is then unknown where something was sent. */
  readonly signal: AbortSignal;
}

/** Why a text did not reach a phone, in one set of words for all providers. */
export type UndeliveredReason =
  'absent' | 'unknown_number' | 'blocked' | 'expired' | 'rejected' | 'content' | 'network' | 'other';

/** What a provider says later of a text that it took: the end of its way, not the steps before. */
export interface Receipt {
  /** Name of the gateway. */
  readonly provider: string;
  /** As the provider wrote it; the ways in which it may stand in our row, the likeliest first. */
  readonly messageIds: readonly string[];
  /** E.164 where the receipt says whom the text was for. */
  readonly recipient: Secret<string> | null;
  readonly state: 'delivered' | 'undelivered';
  /** Null where it was delivered. */
  readonly reason: UndeliveredReason | null;
}

/** Takes what providers say later. @throws DatabaseUnavailable: the provider is to say it again */
export type TakeReceipt = (receipt: Receipt) => Promise<void>;

/** What came in as a receipt, before any of it is believed. */
export interface ReceiptRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The very bytes: signatures are made over them. */
  readonly body: Buffer;
  /** Where the provider sent it, as it knows the address: PUBLIC_URL with path and query. */
  readonly url: string;
}

/** Reads the receipts that a provider sends over HTTP. */
export interface ReceiptReader {
  /** The last part of `/v1/delivery/{provider}`, and the gateway's name. */
  readonly provider: string;
  /**
   * @returns what it says of texts, nothing where it speaks of steps on the way; `forged` where nobody proved to be the
   * provider; `malformed` where the provider says what cannot be understood
   */
  read(request: ReceiptRequest): readonly Receipt[] | 'forged' | 'malformed';
}

/** A way to send texts. `send` never throws: what goes wrong is an outcome. */
export interface SmsGateway {
  readonly name: string;
  /** Whether the provider drops a repeat of the same id; else an unknown outcome is tried again once at most. */
  readonly deduplicates: boolean;
  send(message: SmsMessage, time: SmsTime): Promise<SmsOutcome>;
  /** Where it keeps a connection over which receipts come: before the first text. */
  start?(): void;
  /** Ends it. No text is on its way any more. */
  stop?(): Promise<void>;
}

/** Injection token of the gateways in use, by name: `ReadonlyMap<string, SmsGateway>`. */
export const GATEWAYS = Symbol('GATEWAYS');
