import { beforeAll, describe, expect, it } from '@jest/globals';
import { otherThan } from './support/api.js';
import { useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { historyOf } from './support/raised-events.js';
import { startService } from './support/service.js';

describe('POST /v1/agreement/{reference}/resend', () => {
  const database = useDatabase();
  let api: DocumentedApi;
  beforeAll(async () => {
    api = new DocumentedApi((await startService(database, { OTP_RESEND_INTERVAL: '1', OTP_MAX_CODES: '3' })).url);
  });

  const resend = (reference: string, content?: unknown) => api.post(`/v1/agreement/${reference}/resend`, content);

  it('is refused before its time, with the seconds to wait', async () => {
    const { body } = await api.create();
    const early = await resend(body['reference']);
    expect(early).toMatchObject({ status: 429, body: { code: 'resend_too_soon', retry_after: 1 } });
    expect(early.headers.get('retry-after')).toBe('1');
    expect((await api.get(`/v1/agreement/${body['reference']}`)).body).toMatchObject({ codes_left: 2 });
  });

  it('is taken when the seconds are over, and counts them anew', async () => {
    const { reference } = await api.createAndAwaitCode();
    const { status, body } = await api.retried(() => resend(reference));
    expect(status).toBe(202);
    expect(body).toMatchObject({ reference, status: 'pending', codes_left: 1, attempts_left: 3, delivery: 'queued' });
    expect(Date.parse(body['resend_available_at']) - Date.parse(body['created_at'])).toBeGreaterThanOrEqual(2000);
    expect((await resend(reference)).body['code']).toBe('resend_too_soon');
  });

  it('gives new guesses with the new code', async () => {
    const agreement = await api.createAndAwaitCode();
    for (const _ of [1, 2, 3]) await api.confirm(agreement.reference, otherThan(agreement.code));
    expect((await api.confirm(agreement.reference, agreement.code)).body['code']).toBe('attempts_exhausted');
    const second = await api.resendAndAwaitCode(agreement);
    expect((await api.get(`/v1/agreement/${agreement.reference}`)).body['attempts_left']).toBe(3);
    expect((await api.confirm(agreement.reference, second)).status).toBe(200);
  });

  it('stops at the last code that an agreement may have', async () => {
    const agreement = await api.createAndAwaitCode();
    const { reference } = agreement;
    await api.resendAndAwaitCode(agreement);
    const last = await api.resendAndAwaitCode(agreement);
    const { body } = await api.get(`/v1/agreement/${reference}`);
    expect(body).toMatchObject({ codes_left: 0, resend_available_at: null });
    const refused = await api.retried(() => resend(reference));
    expect(refused).toMatchObject({ status: 429, body: { code: 'send_limit_reached', limit: 'agreement' } });
    expect(refused.body).not.toHaveProperty('retry_after');
    expect((await historyOf(database, reference)).filter((kind) => kind === 'code_requested')).toHaveLength(2);
    expect((await api.confirm(reference, last)).status).toBe(200);
  });

  it('takes no body, an empty one or an empty object, and nothing else', async () => {
    const { body: created } = await api.create();
    const path = `/v1/agreement/${created['reference']}/resend`;
    const json = { 'content-type': 'application/json' };
    for (const answer of [await api.post(path), await api.post(path, '', json), await api.post(path, {})]) {
      expect(answer.body['code']).toBe('resend_too_soon');
    }
    for (const body of [{ code: '123456' }, { constructor: 'x' }, [], null, 'text', 1, false]) {
      const answer = await api.post(path, JSON.stringify(body));
      expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    }
  });

  it('is refused once the agreement is confirmed, cancelled or withdrawn', async () => {
    const { reference, code } = await api.createAndAwaitCode();
    const closed = (status: string) => ({ status: 409, body: { code: 'agreement_closed', agreement_status: status } });
    await api.confirm(reference, code);
    expect(await resend(reference)).toMatchObject({ status: 409, body: { code: 'already_confirmed' } });
    await api.post(`/v1/agreement/${reference}/withdraw`);
    expect(await resend(reference)).toMatchObject(closed('withdrawn'));
    const { body } = await api.create();
    await api.post(`/v1/agreement/${body['reference']}/cancel`);
    expect(await resend(body['reference'])).toMatchObject(closed('cancelled'));
  });
});
