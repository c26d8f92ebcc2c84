import type { Agreement } from './agreement.js';
import type { AgreementPolicy, AgreementStatus, Document } from './agreement.state.js';
import { maskEmailAddress } from './email-address.js';
import { maskPhoneNumber } from './phone-number.js';

/** How the newest code fares, as the contract's `delivery` and `delivery_reason`. */
export interface Delivery {
  readonly state: 'queued' | 'sent' | 'delivered' | 'undelivered' | 'failed';
  readonly reason: string | null;
}

/** An agreement as callers see it: the contract's names, the contact masked, null for what does not apply. */
export interface AgreementView {
  readonly reference: string;
  readonly id_hash: string;
  readonly phone: string | null;
  readonly email: string | null;
  readonly document: Document;
  readonly locale: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly test: boolean;
  readonly status: AgreementStatus;
  readonly delivery: Delivery['state'];
  readonly delivery_reason: string | null;
  readonly attempts_left: number | null;
  readonly codes_left: number | null;
  readonly resend_available_at: Date | null;
  readonly code_expires_at: Date | null;
  readonly expires_at: Date | null;
  readonly created_at: Date;
  readonly confirmed_at: Date | null;
  readonly withdrawn_at: Date | null;
  readonly closed_at: Date | null;
  readonly close_reason: string | null;
}

/** What callers see of an agreement at `now`. */
export function viewOf(agreement: Agreement, delivery: Delivery, policy: AgreementPolicy, now: Date): AgreementView {
  const { facts } = agreement;
  const { channel, address } = facts.contact;
  return {
    reference: facts.reference,
    id_hash: facts.idHash,
    phone: channel === 'sms' && address !== null ? maskPhoneNumber(address.reveal()) : null,
    email: channel === 'email' && address !== null ? maskEmailAddress(address.reveal()) : null,
    document: facts.document,
    locale: facts.locale,
    metadata: facts.metadata,
    test: facts.test,
    status: agreement.stateAt(now).status,
    delivery: delivery.state,
    delivery_reason: delivery.reason,
    ...whatPendingHas(agreement, policy, now),
    created_at: facts.createdAt,
    ...timesOf(agreement, now),
  };
}

function whatPendingHas(agreement: Agreement, policy: AgreementPolicy, now: Date) {
  const state = agreement.stateAt(now);
  if (state.status !== 'pending') {
    const none = { attempts_left: null, codes_left: null, resend_available_at: null, code_expires_at: null };
    return { ...none, expires_at: state.status === 'expired' ? agreement.facts.expiresAt : null };
  }
  const codesLeft = agreement.codesLeft(policy);
  return {
    attempts_left: agreement.attemptsLeft(policy),
    codes_left: codesLeft,
    resend_available_at: codesLeft > 0 ? agreement.resendAvailableAt(policy) : null,
    code_expires_at: state.code?.expiresAt ?? null,
    expires_at: agreement.facts.expiresAt,
  };
}

function timesOf(agreement: Agreement, now: Date) {
  const state = agreement.stateAt(now);
  switch (state.status) {
    case 'pending':
      return { confirmed_at: null, withdrawn_at: null, closed_at: null, close_reason: null };
    case 'confirmed':
      return { confirmed_at: state.confirmedAt, withdrawn_at: null, closed_at: null, close_reason: null };
    case 'withdrawn': {
      const { confirmedAt, closedAt, reason } = state;
      return { confirmed_at: confirmedAt, withdrawn_at: closedAt, closed_at: closedAt, close_reason: reason };
    }
    case 'rejected':
    case 'expired':
    case 'cancelled':
      return { confirmed_at: null, withdrawn_at: null, closed_at: state.closedAt, close_reason: state.reason };
  }
}
