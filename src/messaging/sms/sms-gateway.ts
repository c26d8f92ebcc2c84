import type { Secret } from '../../secret.js';

/** One text to one person. */
export interface SmsMessage {
  /** The same at every try of one code, so that a provider can tell a repeat. */
  readonly id: string;
  readonly reference: string;
  /** E.164. */
  readonly to: Secret<string>;
  readonly text: Secret<string>;
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
  /** The end of the waiting for an answer; the outcome is then unknown where something was sent. */
  readonly signal: AbortSignal;
}

/** A way to send texts. It never throws: what goes wrong is an outcome. */
export interface SmsGateway {
  readonly name: string;
  /** Whether the provider drops a repeat of the same id; only then an unknown outcome is tried again. */
  readonly deduplicates: boolean;
  send(message: SmsMessage, time: SmsTime): Promise<SmsOutcome>;
}

/** Injection token of the gateway in use. */
export const SMS_GATEWAY = Symbol('SMS_GATEWAY');
