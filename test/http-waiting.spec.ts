import { beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone, otherThan } from './support/api.js';
import { useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { historyOf } from './support/raised-events.js';
import { startService } from './support/service.js';

const INTERVAL = { OTP_RESEND_INTERVAL: '0' };

describe('a code that waits to be issued', () => {
  const database = useDatabase();
  let api: DocumentedApi;
  beforeAll(async () => {
    // Nobody sends: a process of the role api alone takes requests, and their events wait.
    api = new DocumentedApi((await startService(database, { ROLES: 'api', ...INTERVAL })).url);
  });

  /** Does what waits, and ends again. */
  const whileSending = async <T>(work: () => Promise<T>): Promise<T> => {
    const sender = await startService(database, { ROLES: 'relay,worker', ...INTERVAL });
    try {
      return await work();
    } finally {
      await sender.stop();
    }
  };

  it('cannot be confirmed, and a guess before it costs nothing', async () => {
    const { body } = await api.create();
    const reference = String(body['reference']);
    expect(await api.confirm(reference, '123456')).toMatchObject({ status: 409, body: { code: 'code_not_sent_yet' } });
    expect((await api.get(`/v1/agreement/${reference}`)).body).toMatchObject({ attempts_left: 3, delivery: 'queued' });
  });

  it('is not asked for twice: the answer is 202 and no code is spent', async () => {
    const { body } = await api.create();
    for (const _ of [1, 2, 3]) {
      const again = await api.post(`/v1/agreement/${body['reference']}/resend`);
      expect(again).toMatchObject({ status: 202, body: { codes_left: 4, delivery: 'queued' } });
    }
    expect(await historyOf(database, body['reference'])).toEqual(['created']);
  });

  it('can be cancelled, and is then never sent', async () => {
    const phone = freshPhone();
    const { body } = await api.create({ phone });
    await api.post(`/v1/agreement/${body['reference']}/cancel`);
    await whileSending(() => api.until(body['reference'], { delivery: 'failed' }));
    expect((await api.get(`/v1/agreement/${body['reference']}`)).body).toMatchObject({ delivery_reason: 'closed' });
    expect(await api.messages(phone)).toEqual([]);
  });

  it('leaves the one before it good until it is issued itself', async () => {
    const phone = freshPhone();
    const { body } = await api.create({ phone });
    const reference = String(body['reference']);
    const first = await whileSending(async () => {
      await api.until(reference, { delivery: 'sent' });
      return api.codeSentTo(phone);
    });

    const resent = await api.post(`/v1/agreement/${reference}/resend`);
    expect(resent).toMatchObject({ status: 202, body: { codes_left: 3, delivery: 'queued', status: 'pending' } });
    expect(resent.body['code_expires_at']).not.toBeNull();
    expect(await api.confirm(reference, otherThan(first))).toMatchObject({ status: 422, body: { attempts_left: 2 } });
    expect(await api.confirm(reference, first)).toMatchObject({ status: 200, body: { status: 'confirmed' } });
  });

  it('ends the one before it once it is issued', async () => {
    const phone = freshPhone();
    const { body } = await api.create({ phone });
    const reference = String(body['reference']);
    const [first, second] = await whileSending(async () => {
      const issued = await api.codeSentTo(phone);
      await api.until(reference, { delivery: 'sent' });
      return [issued, await api.resendAndAwaitCode({ reference, phone, code: issued })];
    });
    expect(await api.confirm(reference, first)).toMatchObject({ status: 422, body: { attempts_left: 2 } });
    expect(await api.confirm(reference, second)).toMatchObject({ status: 200, body: { codes_left: null } });
  });
});
