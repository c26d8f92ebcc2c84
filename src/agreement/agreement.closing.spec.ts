import { describe, expect, it } from '@jest/globals';
import {
  anAgreement,
  bornPlus,
  faultOf,
  HOUR,
  MINUTE,
  POLICY,
  SECOND,
  type TestAgreement,
} from '../../test/support/agreements.js';

const NOTHING = { events: [], history: [] };

describe('cancelling', () => {
  it('closes a pending agreement with the reason', () => {
    const agreement = anAgreement().withIssuedCode().at(MINUTE);

    agreement.cancel('typed the wrong number');

    expect(agreement.state).toEqual({
      status: 'cancelled',
      closedAt: bornPlus(MINUTE),
      reason: 'typed the wrong number',
    });
    expect(agreement.changes).toEqual({
      history: [{ kind: 'cancelled', detail: { reason: 'typed the wrong number' } }],
      events: [{ name: 'AgreementCancelled', closedAt: bornPlus(MINUTE), reason: 'typed the wrong number' }],
    });
  });

  it('changes nothing the second time, even after the agreement would have expired', () => {
    const agreement = anAgreement().cancelled();
    const before = agreement.agreement.progress;

    agreement.at(POLICY.agreementTtl).cancel('another reason');

    expect(agreement.agreement.progress).toBe(before);
    expect(agreement.changes).toEqual(NOTHING);
  });

  it('works to the last millisecond of the agreement, not at its end', () => {
    expect(
      faultOf(() =>
        anAgreement()
          .at(POLICY.agreementTtl - 1)
          .cancel(),
      ),
    ).toBeUndefined();
    expect(faultOf(() => anAgreement().at(POLICY.agreementTtl).cancel())).toEqual({
      code: 'agreement_closed',
      status: 'expired',
    });
  });

  it.each<[string, TestAgreement, object]>([
    ['confirmed', anAgreement().confirmed(), { code: 'already_confirmed' }],
    ['withdrawn', anAgreement().withdrawn(), { code: 'agreement_closed', status: 'withdrawn' }],
    ['rejected', anAgreement().rejected(), { code: 'agreement_closed', status: 'rejected' }],
    ['expired', anAgreement().expired(), { code: 'agreement_closed', status: 'expired' }],
  ])('is refused for an agreement that is %s', (_, agreement, fault) => {
    expect(faultOf(() => agreement.cancel())).toEqual(fault);
    expect(agreement.changes).toEqual(NOTHING);
  });
});

describe('withdrawing', () => {
  it('takes a confirmed agreement back and keeps when it was confirmed', () => {
    const agreement = anAgreement().at(MINUTE).confirmed().at(HOUR);

    agreement.withdraw('changed my mind');

    const times = { confirmedAt: bornPlus(MINUTE) };
    expect(agreement.state).toEqual({
      ...times,
      status: 'withdrawn',
      closedAt: bornPlus(HOUR),
      reason: 'changed my mind',
    });
    expect(agreement.changes).toEqual({
      history: [{ kind: 'withdrawn', detail: { reason: 'changed my mind' } }],
      events: [{ ...times, name: 'AgreementWithdrawn', withdrawnAt: bornPlus(HOUR), reason: 'changed my mind' }],
    });
  });

  it('is possible long after a pending one would have expired: confirmed lasts', () => {
    const agreement = anAgreement()
      .confirmed()
      .at(1000 * POLICY.agreementTtl);

    expect(agreement.state.status).toBe('confirmed');
    expect(faultOf(() => agreement.withdraw())).toBeUndefined();
  });

  it('changes nothing the second time', () => {
    const agreement = anAgreement().withdrawn();
    const before = agreement.agreement.progress;

    agreement.after(SECOND).withdraw('another reason');

    expect(agreement.agreement.progress).toBe(before);
    expect(agreement.changes).toEqual(NOTHING);
  });

  it.each<[string, TestAgreement]>([
    ['pending', anAgreement().withIssuedCode()],
    ['rejected', anAgreement().rejected()],
    ['cancelled', anAgreement().cancelled()],
    ['expired', anAgreement().expired()],
    ['expired and not swept yet', anAgreement().at(POLICY.agreementTtl)],
  ])('is refused for an agreement that is %s', (_, agreement) => {
    expect(faultOf(() => agreement.withdraw())).toEqual({ code: 'not_confirmed' });
    expect(agreement.changes).toEqual(NOTHING);
  });
});

describe('expiring', () => {
  it('is seen at once and written down later, with the time at which it was due', () => {
    const agreement = anAgreement()
      .withIssuedCode()
      .at(POLICY.agreementTtl + HOUR);
    const expired = { status: 'expired', closedAt: bornPlus(POLICY.agreementTtl), reason: 'expired' };
    expect(agreement.state).toEqual(expired);

    agreement.expire();

    expect(agreement.agreement.progress.state).toEqual(expired);
    expect(agreement.changes).toEqual({
      history: [{ kind: 'expired', detail: { reason: 'expired' } }],
      events: [{ name: 'AgreementExpired', closedAt: bornPlus(POLICY.agreementTtl), reason: 'expired' }],
    });
  });

  it('happens at the exact millisecond', () => {
    const inTime = anAgreement().at(POLICY.agreementTtl - 1);
    const late = anAgreement().at(POLICY.agreementTtl);

    inTime.expire();
    late.expire();

    expect(inTime.changes).toEqual(NOTHING);
    expect(inTime.state.status).toBe('pending');
    expect(late.agreement.progress.state.status).toBe('expired');
  });

  it.each<[string, TestAgreement]>([
    ['confirmed', anAgreement().confirmed()],
    ['withdrawn', anAgreement().withdrawn()],
    ['cancelled', anAgreement().cancelled()],
    ['rejected', anAgreement().rejected()],
    ['expired already', anAgreement().expired()],
  ])('does nothing to an agreement that is %s', (_, agreement) => {
    agreement.at(2 * POLICY.agreementTtl).expire();

    expect(agreement.changes).toEqual(NOTHING);
  });
});
