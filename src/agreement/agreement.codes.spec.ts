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
import { CodeKeys, UnknownCodeKey } from './confirmation-code.js';

const NOTHING = { events: [], history: [] };

describe('issuing a code', () => {
  it('starts its life, which ends the TTL later', () => {
    const agreement = anAgreement().at(MINUTE);

    const issue = agreement.issueCode();

    const expiresAt = bornPlus(MINUTE + POLICY.ttl);
    expect(issue).toEqual({
      kind: 'issued',
      code: expect.stringMatching(/^\d{6}$/),
      sendBefore: bornPlus(POLICY.ttl),
    });
    expect(agreement.state).toEqual({
      status: 'pending',
      code: { generation: 1, seal: expect.anything(), issuedAt: bornPlus(MINUTE), expiresAt, failures: 0 },
    });
    expect(agreement.changes).toEqual({
      history: [{ kind: 'code_issued', detail: { generation: 1, expires_at: expiresAt.toISOString() } }],
      events: [],
    });
  });

  it('gives the same digits at every later call, and changes nothing', () => {
    const agreement = anAgreement();
    const first = agreement.issueCode();

    expect(agreement.after(MINUTE).issueCode()).toEqual(first);
    expect(agreement.changes).toEqual(NOTHING);
  });

  it('gives the same digits after wrong guesses, and does not give the attempts back', () => {
    const agreement = anAgreement().withIssuedCode().withWrongGuesses(2);
    const { code } = agreement;

    expect(agreement.issueCode()).toMatchObject({ kind: 'issued', code });
    expect(agreement.attemptsLeft).toBe(1);
  });

  it('gives the same digits after the keys were rotated', () => {
    const agreement = anAgreement().withIssuedCode();
    const { code } = agreement;
    const rotated = [
      { id: 'second', secret: Buffer.alloc(32, 9) },
      { id: 'first', secret: Buffer.alloc(32, 1) },
    ];

    expect(agreement.withKeys(new CodeKeys(rotated, 6)).issueCode()).toMatchObject({ kind: 'issued', code });
  });

  it('fails where the key of the code is not known, and changes nothing', () => {
    const agreement = anAgreement().withIssuedCode();
    agreement.withKeys(new CodeKeys([{ id: 'second', secret: Buffer.alloc(32, 9) }], 6));

    expect(() => agreement.issueCode()).toThrow(UnknownCodeKey);
    expect(agreement.changes).toEqual(NOTHING);
  });

  it.each([
    { ttl: 15 * MINUTE, last: MINUTE },
    { ttl: 4 * MINUTE, last: MINUTE },
    { ttl: 2 * MINUTE, last: 30 * SECOND },
    { ttl: SECOND, last: 250 },
  ])('is not done in the last $last ms of a code that lives $ttl ms: it would arrive too late', ({ ttl, last }) => {
    const agreement = anAgreement({ ttl }).withIssuedCode();

    expect(agreement.at(ttl - last - 1).issueCode()).toMatchObject({
      kind: 'issued',
      sendBefore: bornPlus(ttl - last),
    });
    expect(agreement.at(ttl - last).issueCode()).toEqual({ kind: 'obsolete', reason: 'expired' });
    expect(agreement.at(ttl + 1).issueCode()).toEqual({ kind: 'obsolete', reason: 'expired' });
    expect(agreement.changes).toEqual(NOTHING);
  });

  it('gives a code that ends with its agreement, and none that the person could not type in time', () => {
    const agreement = anAgreement({ ttl: 15 * MINUTE, agreementTtl: HOUR, resendInterval: 0 });

    expect(agreement.at(HOUR - 2 * MINUTE).issueCode()).toMatchObject({ sendBefore: bornPlus(HOUR - MINUTE) });
    expect(agreement.changes.history).toEqual([
      { kind: 'code_issued', detail: { generation: 1, expires_at: bornPlus(HOUR).toISOString() } },
    ]);
    agreement.withRequestedCode();
    expect(agreement.at(HOUR - MINUTE).issueCode(2)).toEqual({ kind: 'obsolete', reason: 'expired' });
    expect(agreement.changes).toEqual(NOTHING);
  });

  it('is not done for a generation that is not the newest one', () => {
    const agreement = anAgreement().withIssuedCode().withRequestedCode();

    expect(agreement.issueCode(1)).toEqual({ kind: 'obsolete', reason: 'superseded' });
    expect(agreement.issueCode(3)).toEqual({ kind: 'obsolete', reason: 'superseded' });
    expect(agreement.changes).toEqual(NOTHING);
  });

  it.each<[string, TestAgreement]>([
    ['confirmed', anAgreement().confirmed()],
    ['withdrawn', anAgreement().withdrawn()],
    ['cancelled', anAgreement().cancelled()],
    ['rejected', anAgreement().rejected()],
    ['expired', anAgreement().expired()],
    ['expired and not swept yet', anAgreement().at(POLICY.agreementTtl)],
  ])('is not done for an agreement that is %s', (_, agreement) => {
    expect(agreement.issueCode()).toEqual({ kind: 'obsolete', reason: 'closed' });
    expect(agreement.changes).toEqual(NOTHING);
  });
});

describe('asking for a further code', () => {
  it('makes the next generation and its event', () => {
    const agreement = anAgreement().withIssuedCode().at(MINUTE);

    expect(agreement.requestCode()).toBe(true);
    expect(agreement.agreement.progress).toMatchObject({ generation: 2, requestedAt: bornPlus(MINUTE) });
    expect(agreement.codesLeft).toBe(3);
    expect(agreement.changes).toEqual({
      history: [{ kind: 'code_requested', detail: { generation: 2 } }],
      events: [{ name: 'CodeRequested', generation: 2 }],
    });
  });

  it('is taken when the interval is over, to the millisecond, and says in seconds how long to wait', () => {
    const agreement = anAgreement().withIssuedCode();
    const refused = (retryAfter: number): object => ({ code: 'resend_too_soon', retryAfter });

    expect(faultOf(() => agreement.at(0).requestCode())).toEqual(refused(60));
    expect(faultOf(() => agreement.at(1).requestCode())).toEqual(refused(60));
    expect(faultOf(() => agreement.at(59_000).requestCode())).toEqual(refused(1));
    expect(faultOf(() => agreement.at(59_999).requestCode())).toEqual(refused(1));
    expect(agreement.changes).toEqual(NOTHING);
    expect(agreement.at(60_000).requestCode()).toBe(true);
    expect(agreement.agreement.resendAvailableAt(POLICY)).toEqual(bornPlus(120_000));
    expect(faultOf(() => agreement.at(119_999).requestCode())).toEqual(refused(1));
    expect(agreement.at(120_000).requestCode()).toBe(true);
  });

  it('is taken at once where the interval is nothing', () => {
    expect(anAgreement({ resendInterval: 0 }).requestCode()).toBe(true);
  });

  it('makes none while the newest one still waits to be sent', () => {
    const agreement = anAgreement().at(MINUTE);

    expect(agreement.requestCode({ waiting: true })).toBe(false);
    expect(agreement.requestCode({ waiting: true })).toBe(false);
    expect(agreement.changes).toEqual(NOTHING);
    expect(agreement.codesLeft).toBe(4);
  });

  it('is refused after the last code, unless that one still waits to be sent', () => {
    const agreement = anAgreement({ maxCodes: 3 }).withRequestedCode().withRequestedCode().after(MINUTE);
    expect(agreement.codesLeft).toBe(0);

    expect(agreement.requestCode({ waiting: true })).toBe(false);
    expect(faultOf(() => agreement.requestCode())).toEqual({ code: 'send_limit_reached', limit: 'agreement' });
    expect(agreement.changes).toEqual(NOTHING);
  });

  it('is refused as too soon first, also after the last code and while one waits', () => {
    const agreement = anAgreement({ maxCodes: 1 });
    const tooSoon = { code: 'resend_too_soon', retryAfter: 60 };

    expect(faultOf(() => agreement.requestCode())).toEqual(tooSoon);
    expect(faultOf(() => agreement.requestCode({ waiting: true }))).toEqual(tooSoon);
  });

  it.each<[string, TestAgreement, object]>([
    ['confirmed', anAgreement().confirmed(), { code: 'already_confirmed' }],
    ['withdrawn', anAgreement().withdrawn(), { code: 'agreement_closed', status: 'withdrawn' }],
    ['cancelled', anAgreement().cancelled(), { code: 'agreement_closed', status: 'cancelled' }],
    ['rejected', anAgreement().rejected(), { code: 'agreement_closed', status: 'rejected' }],
    ['expired', anAgreement().at(POLICY.agreementTtl), { code: 'agreement_closed', status: 'expired' }],
  ])('is refused for an agreement that is %s, whether or not it is too soon', (_, agreement, fault) => {
    expect(faultOf(() => agreement.requestCode())).toEqual(fault);
    expect(faultOf(() => agreement.after(MINUTE).requestCode({ waiting: true }))).toEqual(fault);
    expect(agreement.changes).toEqual(NOTHING);
  });
});

describe('the code that is alive', () => {
  it('is the old one until the new one is issued: a late first text must still work', () => {
    const agreement = anAgreement().withIssuedCode().withRequestedCode();

    expect(agreement.confirm(agreement.code)).toEqual({ right: true });
    expect(agreement.changes.events).toMatchObject([{ name: 'AgreementConfirmed', generation: 1 }]);
  });

  it('is the new one alone once that is issued', () => {
    const agreement = anAgreement().withIssuedCode();
    const old = agreement.code;
    agreement.withResentCode();

    expect(agreement.code).not.toBe(old);
    expect(agreement.confirm(old)).toEqual({ right: false, attemptsLeft: 2, status: 'pending' });
    expect(agreement.confirm(agreement.code)).toEqual({ right: true });
    expect(agreement.changes.events).toMatchObject([{ name: 'AgreementConfirmed', generation: 2 }]);
  });

  it('lives from its own issuing, not from its being asked for', () => {
    const agreement = anAgreement()
      .withIssuedCode()
      .withRequestedCode()
      .after(5 * MINUTE)
      .withIssuedCode();

    expect(agreement.after(POLICY.ttl - 1).confirm(agreement.code)).toEqual({ right: true });
  });
});
