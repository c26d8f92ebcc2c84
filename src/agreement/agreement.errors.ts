import type { AgreementStatus } from './agreement.state.js';

/** Why a phone number is not taken; the contract's `reason`. */
export type PhoneRefusal = 'invalid' | 'not_mobile' | 'country';

/** Why an address is not mailed to; the contract's `reason`. */
export type EmailRefusal = 'invalid' | 'blocked' | 'no_mx';

/** Everything that can go against a caller, by the contract's stable code, with what the caller needs to act on it. */
export type AgreementFault =
  | { readonly code: 'agreement_not_found' }
  | { readonly code: 'phone_not_allowed'; readonly reason: PhoneRefusal }
  | { readonly code: 'email_not_allowed'; readonly reason: EmailRefusal }
  | { readonly code: 'code_not_sent_yet' }
  | { readonly code: 'code_invalid'; readonly attemptsLeft: number; readonly status: AgreementStatus }
  | { readonly code: 'attempts_exhausted' }
  | { readonly code: 'code_expired' }
  | { readonly code: 'already_confirmed' }
  | { readonly code: 'not_confirmed' }
  | { readonly code: 'agreement_closed'; readonly status: AgreementStatus }
  | { readonly code: 'resend_too_soon'; /** Whole seconds, rounded up. */ readonly retryAfter: number }
  | { readonly code: 'idempotency_key_reused' }
  | { readonly code: 'request_in_progress'; /** Whole seconds. */ readonly retryAfter: number }
  | { readonly code: 'send_limit_reached'; readonly limit: 'agreement' };

/** A rule of the domain that stands against what was asked. */
export class AgreementError extends Error {
  /** @param replayed whether it was answered before, to a request with the same key */
  constructor(
    readonly fault: AgreementFault,
    readonly replayed = false,
  ) {
    super(fault.code);
  }
}
