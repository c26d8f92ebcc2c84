import { describe, expect, it } from '@jest/globals';
import {
  anAgreement,
  asLoaded,
  BORN,
  bornPlus,
  FACTS,
  faultOf,
  HOUR,
  MINUTE,
  POLICY,
  type TestAgreement,
} from '../../test/support/agreements.js';
import { CodeKeys, UnknownCodeKey } from './confirmation-code.js';

const NOTHING = { events: [], history: [] };

describe('a new agreement', () => {
  it('is pending, asks for its first code and says when it will expire', () => {
    const { agreement, changes } = anAgreement();

    expect(agreement.facts).toEqual({ ...FACTS, createdAt: BORN, expiresAt: bornPlus(24 * HOUR) });
    expect(agreement.progress).toEqual({
      generation: 1,
      requestedAt: BORN,
      failures: 0,
      state: { status: 'pending', code: null },
    });
    expect(changes).toEqual({
      history: [{ kind: 'created', detail: { generation: 1 } }],
      events: [{ name: 'AgreementCreated', generation: 1, expiresAt: bornPlus(24 * HOUR) }],
    });
  });

  it('has all its attempts and all its codes but the first one', () => {
    const agreement = anAgreement({ attempts: 4, maxCodes: 7 });

    expect(agreement.attemptsLeft).toBe(4);
    expect(agreement.codesLeft).toBe(6);
  });

  it('has been loaded with nothing to save', () => {
    expect(asLoaded(anAgreement().agreement).changes).toEqual(NOTHING);
  });
});

describe('confirming', () => {
  it('is done by the right code, and kept with its time', () => {
    const agreement = anAgreement().withIssuedCode().after(MINUTE);

    expect(agreement.confirm(agreement.code)).toEqual({ right: true });
    expect(agreement.state).toEqual({ status: 'confirmed', confirmedAt: bornPlus(MINUTE) });
    expect(agreement.changes).toEqual({
      history: [{ kind: 'confirmed', detail: { generation: 1 } }],
      events: [{ name: 'AgreementConfirmed', generation: 1, confirmedAt: bornPlus(MINUTE) }],
    });
  });

  it('counts a wrong code, raises no event for it and says how many attempts are left', () => {
    const agreement = anAgreement().withIssuedCode();

    expect(agreement.confirm(agreement.wrongCode)).toEqual({ right: false, attemptsLeft: 2, status: 'pending' });
    expect(agreement.changes).toEqual({
      history: [{ kind: 'code_mismatched', detail: { generation: 1, attempts_left: 2 } }],
      events: [],
    });
  });

  it.each<[string, TestAgreement, object]>([
    ['cancelled before a code was sent', anAgreement().cancelled(), { code: 'agreement_closed', status: 'cancelled' }],
    ['cancelled', anAgreement().withIssuedCode().cancelled(), { code: 'agreement_closed', status: 'cancelled' }],
    ['rejected', anAgreement().rejected(), { code: 'agreement_closed', status: 'rejected' }],
    ['withdrawn', anAgreement().withdrawn(), { code: 'agreement_closed', status: 'withdrawn' }],
    ['expired and swept', anAgreement().withIssuedCode().expired(), { code: 'agreement_closed', status: 'expired' }],
    [
      'expired and not swept yet, its code dead and exhausted',
      anAgreement().withIssuedCode().withWrongGuesses(3).at(POLICY.agreementTtl),
      { code: 'agreement_closed', status: 'expired' },
    ],
    ['confirmed already', anAgreement().confirmed(), { code: 'already_confirmed' }],
    [
      'confirmed before its time was over',
      anAgreement()
        .confirmed()
        .at(25 * HOUR),
      { code: 'already_confirmed' },
    ],
    [
      'exhausted and its code dead',
      anAgreement().withIssuedCode().withWrongGuesses(3).at(POLICY.ttl),
      { code: 'code_expired' },
    ],
    ['exhausted', anAgreement().withIssuedCode().withWrongGuesses(3), { code: 'attempts_exhausted' }],
  ])('of an agreement that is %s is refused, and nothing changes', (_, agreement, fault) => {
    const before = agreement.agreement.progress;

    expect(faultOf(() => agreement.confirm(agreement.code))).toEqual(fault);
    expect(agreement.changes).toEqual(NOTHING);
    expect(agreement.agreement.progress).toBe(before);
  });

  it('before a code was issued is refused, however late', () => {
    const agreement = anAgreement().at(POLICY.agreementTtl - 1);

    expect(faultOf(() => agreement.confirm('123456'))).toEqual({ code: 'code_not_sent_yet' });
    expect(agreement.changes).toEqual(NOTHING);
  });

  it('works to the last millisecond of the code, not at its end', () => {
    const inTime = anAgreement()
      .at(MINUTE)
      .withIssuedCode()
      .after(POLICY.ttl - 1);
    const late = anAgreement().at(MINUTE).withIssuedCode().after(POLICY.ttl);

    expect(inTime.confirm(inTime.code)).toEqual({ right: true });
    expect(faultOf(() => late.confirm(late.code))).toEqual({ code: 'code_expired' });
  });

  it('works to the last millisecond of the agreement, not at its end', () => {
    const inTime = anAgreement({ agreementTtl: MINUTE })
      .withIssuedCode()
      .at(MINUTE - 1);
    const late = anAgreement({ agreementTtl: MINUTE }).withIssuedCode().at(MINUTE);

    expect(inTime.confirm(inTime.code)).toEqual({ right: true });
    expect(faultOf(() => late.confirm(late.code))).toEqual({ code: 'agreement_closed', status: 'expired' });
  });

  it('costs no attempt where the key of the code is not known', () => {
    const agreement = anAgreement().withIssuedCode();
    agreement.withKeys(new CodeKeys([{ id: 'second', secret: Buffer.alloc(32, 9) }], 6));

    expect(() => agreement.confirm(agreement.code)).toThrow(UnknownCodeKey);
    expect(agreement.changes).toEqual(NOTHING);
    expect(agreement.attemptsLeft).toBe(3);
  });

  it('takes a code that was made before the keys were rotated', () => {
    const agreement = anAgreement().withIssuedCode();
    const rotated = [
      { id: 'second', secret: Buffer.alloc(32, 9) },
      { id: 'first', secret: Buffer.alloc(32, 1) },
    ];

    expect(agreement.withKeys(new CodeKeys(rotated, 6)).confirm(agreement.code)).toEqual({ right: true });
  });
});
