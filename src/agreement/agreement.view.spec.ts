import { describe, expect, it } from '@jest/globals';
import {
  anAgreement,
  BORN,
  bornPlus,
  FACTS,
  MINUTE,
  POLICY,
  type TestAgreement,
} from '../../test/support/agreements.js';
import { Agreement } from './agreement.js';
import { type AgreementView, type Delivery, viewOf } from './agreement.view.js';

const QUEUED: Delivery = { state: 'queued', reason: null };

function viewed({ agreement, policy, now }: TestAgreement): AgreementView {
  return viewOf(agreement, QUEUED, policy, now);
}

/** The members that depend on the status. */
const NOTHING_APPLIES = {
  attempts_left: null,
  codes_left: null,
  resend_available_at: null,
  code_expires_at: null,
  expires_at: null,
  confirmed_at: null,
  withdrawn_at: null,
  closed_at: null,
  close_reason: null,
};

describe('what callers see of an agreement', () => {
  it('is all of the contract, and of the phone only its ends', () => {
    expect(viewed(anAgreement())).toStrictEqual({
      reference: FACTS.reference,
      id_hash: FACTS.idHash,
      phone: '+7916•••••67',
      email: null,
      document: FACTS.document,
      locale: 'ru',
      metadata: FACTS.metadata,
      test: false,
      status: 'pending',
      delivery: 'queued',
      delivery_reason: null,
      ...NOTHING_APPLIES,
      attempts_left: 3,
      codes_left: 4,
      resend_available_at: bornPlus(POLICY.resendInterval),
      expires_at: bornPlus(POLICY.agreementTtl),
      created_at: BORN,
    });
  });

  it.each<[string, TestAgreement, object]>([
    [
      'pending with a code',
      anAgreement().at(MINUTE).withIssuedCode().withWrongGuesses(1),
      {
        attempts_left: 2,
        codes_left: 4,
        resend_available_at: bornPlus(POLICY.resendInterval),
        code_expires_at: bornPlus(MINUTE + POLICY.ttl),
        expires_at: bornPlus(POLICY.agreementTtl),
      },
    ],
    [
      'pending without a further code',
      anAgreement({ maxCodes: 1 }).withIssuedCode(),
      {
        attempts_left: 3,
        codes_left: 0,
        code_expires_at: bornPlus(POLICY.ttl),
        expires_at: bornPlus(POLICY.agreementTtl),
      },
    ],
    ['confirmed', anAgreement().at(MINUTE).confirmed(), { confirmed_at: bornPlus(MINUTE) }],
    [
      'withdrawn',
      anAgreement().confirmed().at(MINUTE).withdrawn(),
      {
        confirmed_at: BORN,
        withdrawn_at: bornPlus(MINUTE),
        closed_at: bornPlus(MINUTE),
        close_reason: 'changed my mind',
      },
    ],
    [
      'rejected',
      anAgreement({ maxFailures: 1 }).at(MINUTE).rejected(),
      { closed_at: bornPlus(MINUTE), close_reason: 'failures_exhausted' },
    ],
    [
      'cancelled',
      anAgreement().at(MINUTE).cancelled(),
      { closed_at: bornPlus(MINUTE), close_reason: 'typed the wrong number' },
    ],
    [
      'expired',
      anAgreement().withIssuedCode().expired(),
      {
        expires_at: bornPlus(POLICY.agreementTtl),
        closed_at: bornPlus(POLICY.agreementTtl),
        close_reason: 'expired',
      },
    ],
    [
      'expired and not swept yet',
      anAgreement().withIssuedCode().at(POLICY.agreementTtl),
      {
        expires_at: bornPlus(POLICY.agreementTtl),
        closed_at: bornPlus(POLICY.agreementTtl),
        close_reason: 'expired',
      },
    ],
  ])('is null for what does not apply: %s', (name, agreement, applies) => {
    const view = viewed(agreement);

    expect(view).toMatchObject({ ...NOTHING_APPLIES, ...applies });
    expect(name).toMatch(new RegExp(`^${view.status}`));
  });

  it('says how the newest code fares, and why', () => {
    const { agreement, policy, now } = anAgreement();

    const view = viewOf(agreement, { state: 'failed', reason: 'refused' }, policy, now);

    expect(view).toMatchObject({ delivery: 'failed', delivery_reason: 'refused' });
  });

  it('has no phone once that was purged', () => {
    const { agreement, policy, now } = anAgreement();
    const contact = { ...FACTS.contact, address: null };
    const purged = new Agreement({ ...agreement.facts, contact }, agreement.progress, 1);

    expect(viewOf(purged, QUEUED, policy, now).phone).toBeNull();
  });

  it('never holds the phone, its hash, the client or the evidence', () => {
    const text = JSON.stringify(viewed(anAgreement().withIssuedCode()));

    for (const hidden of ['9161234567', 'Buffer', 'shop', '203.0.113.7', 'Mozilla']) {
      expect(text).not.toContain(hidden);
    }
  });
});
