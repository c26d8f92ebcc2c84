import { beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone, otherThan } from './support/api.js';
import { type TestDatabase, useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { historyOf, raisedBy, watchEvents } from './support/raised-events.js';
import { startService } from './support/service.js';
import { until } from './support/until.js';

/** Waits, by the database's clock, until a time in the agreement's row is over. */
const isOver = (database: TestDatabase, column: 'code_expires_at' | 'expires_at', reference: string) =>
  until(`${column} of ${reference} is over`, async () => {
    const [row] = await database.query<{ over: boolean }>(
      `SELECT now() >= ${column} AS over FROM agreement WHERE reference = $1`,
      [reference],
    );
    return row?.over;
  });

describe('a code past its life', () => {
  const database = useDatabase();
  let api: DocumentedApi;
  beforeAll(async () => {
    api = new DocumentedApi((await startService(database, { OTP_TTL: '3', OTP_RESEND_INTERVAL: '0' })).url);
  });

  it('is not taken, right or wrong, and costs no attempt', async () => {
    const { reference, code } = await api.createAndAwaitCode();
    await isOver(database, 'code_expires_at', reference);
    for (const guess of [code, otherThan(code)]) {
      expect(await api.confirm(reference, guess)).toMatchObject({ status: 410, body: { code: 'code_expired' } });
    }
    expect((await api.get(`/v1/agreement/${reference}`)).body).toMatchObject({ status: 'pending', attempts_left: 3 });
  });

  it('is replaced by a resend', async () => {
    const agreement = await api.createAndAwaitCode();
    await isOver(database, 'code_expires_at', agreement.reference);
    const code = await api.resendAndAwaitCode(agreement);
    expect((await api.confirm(agreement.reference, code)).status).toBe(200);
  });
});

describe('an agreement past its time', () => {
  const database = useDatabase();
  const settings = { AGREEMENT_TTL: '3' };
  const phone = freshPhone();
  let api: DocumentedApi;
  let reference: string;
  beforeAll(async () => {
    await watchEvents(database);
    // Nobody sweeps yet: that is the worker's.
    api = new DocumentedApi((await startService(database, { ...settings, ROLES: 'api' })).url);
    reference = (await api.create({ phone })).body['reference'];
    await isOver(database, 'expires_at', reference);
  });
  const view = async () => (await api.get(`/v1/agreement/${reference}`)).body;

  it('is expired for everybody who asks, before anybody has written so', async () => {
    const [row] = await database.query('SELECT status FROM agreement WHERE reference = $1', [reference]);
    expect(row).toEqual({ status: 'pending' });
    const seen = await view();
    expect(seen).toMatchObject({ status: 'expired', close_reason: 'expired', attempts_left: null, codes_left: null });
    expect(seen['closed_at']).toBe(seen['expires_at']);
    expect(Date.parse(seen['expires_at']) - Date.parse(seen['created_at'])).toBe(3000);
    const listed = async (status: string) => (await api.get(`/v1/agreement?status=${status}`)).body['items'];
    expect(await listed('expired')).toEqual([seen]);
    expect(await listed('pending')).toEqual([]);
  });

  it('takes neither a code nor a resend nor a cancellation', async () => {
    const closed = { status: 409, body: { code: 'agreement_closed', agreement_status: 'expired' } };
    expect(await api.confirm(reference, '123456')).toMatchObject(closed);
    expect(await api.post(`/v1/agreement/${reference}/resend`)).toMatchObject(closed);
    expect(await api.post(`/v1/agreement/${reference}/cancel`)).toMatchObject(closed);
    const refused = { status: 409, body: { code: 'not_confirmed' } };
    expect(await api.post(`/v1/agreement/${reference}/withdraw`)).toMatchObject(refused);
  });

  it('is written down once by the sweep, without anyone asking, unless it was confirmed in time', async () => {
    const before = await view();
    const workers = await Promise.all([1, 2].map(() => startService(database, { ...settings, ROLES: 'relay,worker' })));
    const kept = await api.createAndAwaitCode();
    const { body: confirmed } = await api.confirm(kept.reference, kept.code);
    await isOver(database, 'expires_at', kept.reference);
    const expired = async () => (await raisedBy(database, reference)).filter(({ type }) => type === 'AgreementExpired');
    await until('AgreementExpired', async () => (await expired()).length > 0);
    await api.until(reference, { delivery: 'failed' });
    await Promise.all(workers.map((worker) => worker.stop()));

    expect((await api.get(`/v1/agreement/${kept.reference}`)).body).toEqual(confirmed);
    const { delivery: _, delivery_reason: __, ...same } = before;
    expect(await view()).toMatchObject({ ...same, delivery_reason: 'closed' });
    expect(await expired()).toMatchObject([{ payload: { closed_at: before['expires_at'], reason: 'expired' } }]);
    expect(await historyOf(database, reference)).toEqual(['created', 'expired']);
    expect(await api.messages(phone)).toEqual([]);
  });
});
