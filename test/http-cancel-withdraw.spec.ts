import { beforeAll, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { historyOf, raisedBy, watchEvents } from './support/raised-events.js';
import { startService } from './support/service.js';

const REASONS: Readonly<Record<'taken' | 'refused', readonly unknown[]>> = {
  taken: [undefined, '', {}, { reason: 'x' }, { reason: 'п'.repeat(500) }, { reason: "'\n🙂 {code} %00" }],
  refused: [
    ...[
      { reason: '' },
      { reason: null },
      { reason: 'x'.repeat(501) },
      { reason: 1 },
      { reason: ['x'] },
      { reason: {} },
    ],
    ...[{ reason: 'a\0b' }, { reason: '\ud800' }, { code: '123456' }, { constructor: 'x' }, [], null, 'x', 0],
  ],
};

describe('giving up and taking back', () => {
  const database = useDatabase();
  let api: DocumentedApi;
  beforeAll(async () => {
    await watchEvents(database);
    api = new DocumentedApi((await startService(database)).url);
  });

  const pending = () => api.createAndAwaitCode();
  const confirmed = async () => {
    const agreement = await pending();
    expect((await api.confirm(agreement.reference, agreement.code)).status).toBe(200);
    return agreement;
  };
  const cancel = (reference: string, body?: unknown) => send(reference, 'cancel', body);
  const withdraw = (reference: string, body?: unknown) => send(reference, 'withdraw', body);
  const send = (reference: string, action: string, body: unknown) =>
    api.post(`/v1/agreement/${reference}/${action}`, body, { 'content-type': 'application/json' });
  const eventsOf = async (reference: string, name: string) => {
    return (await raisedBy(database, reference)).filter(({ type }) => type === name);
  };

  describe('POST /v1/agreement/{reference}/cancel', () => {
    it('closes a pending agreement, and its code works no longer', async () => {
      const { reference, code } = await pending();
      const { status, body } = await cancel(reference, { reason: 'changed their mind' });
      expect(status).toBe(200);
      expect(body).toMatchObject({ status: 'cancelled', close_reason: 'changed their mind', attempts_left: null });
      expect(body).toMatchObject({
        confirmed_at: null,
        withdrawn_at: null,
        expires_at: null,
        resend_available_at: null,
      });
      expect(Date.parse(body['closed_at'])).toBeGreaterThanOrEqual(Date.parse(body['created_at']));
      const closed = { status: 409, body: { code: 'agreement_closed', agreement_status: 'cancelled' } };
      expect(await api.confirm(reference, code)).toMatchObject(closed);
    });

    it('gives the same answer a second time and raises one event', async () => {
      const { reference } = await pending();
      const first = await cancel(reference, { reason: 'once' });
      const second = await cancel(reference, { reason: 'twice' });
      expect([second.status, second.body]).toEqual([200, first.body]);
      expect(await eventsOf(reference, 'AgreementCancelled')).toMatchObject([{ payload: { reason: 'once' } }]);
    });

    it('cannot undo a confirmation', async () => {
      const { reference } = await confirmed();
      expect(await cancel(reference)).toMatchObject({ status: 409, body: { code: 'already_confirmed' } });
      await withdraw(reference);
      const closed = { status: 409, body: { code: 'agreement_closed', agreement_status: 'withdrawn' } };
      expect(await cancel(reference)).toMatchObject(closed);
    });
  });

  describe('POST /v1/agreement/{reference}/withdraw', () => {
    it('takes a confirmed agreement back and keeps when it was given', async () => {
      const { reference } = await confirmed();
      const before = (await api.get(`/v1/agreement/${reference}`)).body;
      const { status, body } = await withdraw(reference, { reason: 'asked for' });
      expect(status).toBe(200);
      expect(body).toMatchObject({
        status: 'withdrawn',
        close_reason: 'asked for',
        confirmed_at: before['confirmed_at'],
      });
      expect(body['withdrawn_at']).toBe(body['closed_at']);
      expect(Date.parse(body['withdrawn_at'])).toBeGreaterThan(Date.parse(body['confirmed_at']));
    });

    it('gives the same answer a second time and raises one event', async () => {
      const { reference } = await confirmed();
      const first = await withdraw(reference);
      const second = await withdraw(reference, { reason: 'twice' });
      expect([second.status, second.body]).toEqual([200, first.body]);
      const [event, ...more] = await eventsOf(reference, 'AgreementWithdrawn');
      expect(more).toEqual([]);
      expect(event?.payload).toMatchObject({ reference, withdrawn_at: first.body['withdrawn_at'] });
      expect(event?.payload).not.toHaveProperty('reason');
    });

    it('needs a confirmation before it', async () => {
      const { reference } = await pending();
      const refused = { status: 409, body: { code: 'not_confirmed' } };
      expect(await withdraw(reference)).toMatchObject(refused);
      await cancel(reference);
      expect(await withdraw(reference)).toMatchObject(refused);
    });

    it('works where the phone is no longer kept', async () => {
      const { reference } = await confirmed();
      await database.query('UPDATE agreement SET contact = NULL WHERE reference = $1', [reference]);
      expect(await withdraw(reference)).toMatchObject({ status: 200, body: { phone: null, status: 'withdrawn' } });
    });

    it('closes the agreement for good', async () => {
      const { reference, code } = await confirmed();
      await withdraw(reference);
      const closed = { status: 409, body: { code: 'agreement_closed', agreement_status: 'withdrawn' } };
      expect(await api.confirm(reference, code)).toMatchObject(closed);
    });
  });

  it.each(REASONS.taken)('takes the body %j with both', async (body) => {
    const reason = (body as { reason?: string } | undefined)?.reason ?? null;
    expect(await cancel((await pending()).reference, body)).toMatchObject({
      status: 200,
      body: { close_reason: reason },
    });
    expect(await withdraw((await confirmed()).reference, body)).toMatchObject({
      status: 200,
      body: { close_reason: reason },
    });
  });

  it('refuses any other body with both, and changes nothing', async () => {
    const [one, other] = [await pending(), await confirmed()];
    for (const refused of REASONS.refused) {
      for (const { status, body } of [
        await cancel(one.reference, JSON.stringify(refused)),
        await withdraw(other.reference, JSON.stringify(refused)),
      ]) {
        expect({ refused, status, code: body['code'] }).toEqual({ refused, status: 422, code: 'validation_failed' });
      }
    }
    const kinds = [...(await historyOf(database, one.reference)), ...(await historyOf(database, other.reference))];
    expect(kinds.filter((kind) => kind === 'cancelled' || kind === 'withdrawn')).toEqual([]);
  });
});
