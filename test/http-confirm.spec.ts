import { beforeAll, describe, expect, it } from '@jest/globals';
import { otherThan } from './support/api.js';
import { useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { historyOf } from './support/raised-events.js';
import { startService } from './support/service.js';

/** Bodies that are no guess at a code. */
const NO_GUESSES: readonly unknown[] = [
  ...[
    {},
    { code: null },
    { code: 123456 },
    { code: '' },
    { code: '12345' },
    { code: '1234567' },
    { code: '12345678901' },
  ],
  ...[
    { code: '12345a' },
    { code: '12 456' },
    { code: ' 123456' },
    { code: '123456\n' },
    { code: '-12345' },
    { code: '1e5000' },
  ],
  ...[
    { code: '١٢٣٤٥٦' },
    { code: '１２３４５６' },
    { code: '12345\0' },
    { code: '\ud800' },
    { code: '1'.repeat(10_000) },
  ],
  ...[{ code: ['123456'] }, { code: { toString: '123456' } }, { code: true }, { code: [] }, { Code: '123456' }],
  ...[{ code: '123456', attempts: 9 }, { code: '123456', constructor: 'x' }, [], null, '123456', 123456],
];

describe('POST /v1/agreement/{reference}', () => {
  const database = useDatabase();
  let api: DocumentedApi;
  beforeAll(async () => {
    api = new DocumentedApi((await startService(database, { OTP_RESEND_INTERVAL: '0' })).url);
  });

  it('answers the right code with the confirmed agreement', async () => {
    const { reference, code } = await api.createAndAwaitCode();
    const { status, body } = await api.confirm(reference, code);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      reference,
      status: 'confirmed',
      withdrawn_at: null,
      closed_at: null,
    });
    expect(body).toMatchObject({
      attempts_left: null,
      codes_left: null,
      resend_available_at: null,
      close_reason: null,
    });
    expect(body).toMatchObject({ code_expires_at: null, expires_at: null });
    expect(Date.parse(body['confirmed_at'])).toBeGreaterThan(Date.parse(body['created_at']));
    expect((await api.get(`/v1/agreement/${reference}`)).body).toEqual(body);
  });

  it('takes a code once', async () => {
    const { reference, code } = await api.createAndAwaitCode();
    await api.confirm(reference, code);
    for (const guess of [code, otherThan(code)]) {
      expect(await api.confirm(reference, guess)).toMatchObject({ status: 409, body: { code: 'already_confirmed' } });
    }
  });

  it('counts wrong codes down and, after the last, takes not even the right one', async () => {
    const { reference, code } = await api.createAndAwaitCode();
    for (const left of [2, 1, 0]) {
      const answer = await api.confirm(reference, otherThan(code));
      const body = { code: 'code_invalid', attempts_left: left, agreement_status: 'pending' };
      expect(answer).toMatchObject({ status: 422, body });
    }
    expect(await api.confirm(reference, code)).toMatchObject({ status: 409, body: { code: 'attempts_exhausted' } });
    expect((await api.get(`/v1/agreement/${reference}`)).body).toMatchObject({ status: 'pending', attempts_left: 0 });
  });

  it('rejects the agreement at its sixth failure, whichever code it was made with', async () => {
    const agreement = await api.createAndAwaitCode();
    const { reference } = agreement;
    for (const left of [2, 1])
      expect((await api.confirm(reference, otherThan(agreement.code))).body['attempts_left']).toBe(left);
    const second = await api.resendAndAwaitCode(agreement);
    for (const left of [2, 1, 0])
      expect((await api.confirm(reference, otherThan(second))).body['attempts_left']).toBe(left);
    const third = await api.resendAndAwaitCode(agreement);
    const last = await api.confirm(reference, otherThan(third));
    expect(last).toMatchObject({
      status: 422,
      body: { code: 'code_invalid', attempts_left: 0, agreement_status: 'rejected' },
    });

    const closed = { status: 409, body: { code: 'agreement_closed', agreement_status: 'rejected' } };
    expect(await api.confirm(reference, third)).toMatchObject(closed);
    expect(await api.post(`/v1/agreement/${reference}/resend`)).toMatchObject(closed);
    expect(await api.post(`/v1/agreement/${reference}/cancel`)).toMatchObject(closed);
    expect(await api.post(`/v1/agreement/${reference}/withdraw`)).toMatchObject({
      status: 409,
      body: { code: 'not_confirmed' },
    });
    const { body } = await api.get(`/v1/agreement/${reference}`);
    expect(body).toMatchObject({
      status: 'rejected',
      close_reason: 'failures_exhausted',
      attempts_left: null,
      codes_left: null,
    });
    expect((await historyOf(database, reference)).filter((kind) => kind === 'code_mismatched')).toHaveLength(6);
  });

  it('never says more attempts than the agreement has failures left', async () => {
    const agreement = await api.createAndAwaitCode();
    for (const _ of [1, 2, 3]) await api.confirm(agreement.reference, otherThan(agreement.code));
    const second = await api.resendAndAwaitCode(agreement);
    for (const _ of [1, 2]) await api.confirm(agreement.reference, otherThan(second));
    await api.resendAndAwaitCode(agreement);
    expect((await api.get(`/v1/agreement/${agreement.reference}`)).body['attempts_left']).toBe(1);
  });

  it('takes a code for no other agreement, also of the same phone', async () => {
    const one = await api.createAndAwaitCode();
    const other = await api.createAndAwaitCode({ phone: one.phone });
    expect(await api.confirm(one.reference, other.code)).toMatchObject({ status: 422, body: { attempts_left: 2 } });
    expect((await api.get(`/v1/agreement/${other.reference}`)).body['attempts_left']).toBe(3);
    expect((await api.confirm(one.reference, one.code)).status).toBe(200);
  });

  it('refuses what is no guess without an attempt', async () => {
    const { reference, code } = await api.createAndAwaitCode();
    for (const guess of NO_GUESSES) {
      const { status, body } = await api.post(`/v1/agreement/${reference}`, JSON.stringify(guess));
      expect({ guess, status, code: body['code'] }).toEqual({ guess, status: 422, code: 'validation_failed' });
    }
    for (const broken of ['{', '{"code": "123456"', "{'code': '123456'}", '{"code": 012345}', 'code=123456', '\0']) {
      const { status, body } = await api.post(`/v1/agreement/${reference}`, broken);
      expect({ broken, status, code: body['code'] }).toEqual({ broken, status: 400, code: 'malformed_request' });
    }
    expect((await api.get(`/v1/agreement/${reference}`)).body['attempts_left']).toBe(3);
    expect((await api.confirm(reference, code)).status).toBe(200);
  });

  it('knows no agreement by what cannot be a reference', async () => {
    const unknown = '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50';
    for (const reference of [
      unknown,
      `${unknown}0`,
      '1',
      '-',
      '%00',
      '%zz',
      '%ff',
      '..%2f..',
      "'--",
      'a'.repeat(4000),
    ]) {
      const calls = [
        api.get(`/v1/agreement/${reference}`),
        api.confirm(reference, '123456'),
        ...['resend', 'cancel', 'withdraw'].map((action) => api.post(`/v1/agreement/${reference}/${action}`)),
      ];
      for (const answer of await Promise.all(calls)) {
        expect(answer).toMatchObject({
          status: 404,
          body: { code: 'agreement_not_found', title: 'Agreement not found' },
        });
      }
    }
  });

  it('takes the reference in either case', async () => {
    const { reference, code } = await api.createAndAwaitCode();
    expect(await api.confirm(reference.toUpperCase(), code)).toMatchObject({ status: 200, body: { reference } });
  });
});

describe('a code of another length', () => {
  const database = useDatabase();

  it('has exactly OTP_LENGTH digits, and so must a guess', async () => {
    const api = new DocumentedApi((await startService(database, { OTP_LENGTH: '8' })).url);
    const { reference, code } = await api.createAndAwaitCode();
    expect(code).toMatch(/^\d{8}$/);
    for (const guess of ['123456', '1234567', '123456789', '1234567890']) {
      const errors = [{ field: 'code', message: 'must be exactly 8 digits' }];
      expect(await api.confirm(reference, guess)).toMatchObject({ status: 422, body: { errors } });
    }
    expect((await api.get(`/v1/agreement/${reference}`)).body['attempts_left']).toBe(3);
    expect((await api.confirm(reference, code)).status).toBe(200);
  });
});
