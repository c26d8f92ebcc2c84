import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { historyOf, raisedBy, watchEvents } from './support/raised-events.js';
import { startService } from './support/service.js';

const parallel = (count: number, request: (index: number) => Promise<Answer>): Promise<Answer[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => request(index)));

/** How many answers there are of each kind: the status of the agreement, or the code of the problem. */
const counted = (answers: readonly Answer[]): Record<string, number> => {
  const kinds: Record<string, number> = {};
  for (const { status, body } of answers) {
    const kind = `${status} ${body['code'] ?? body['status']}`;
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return kinds;
};

describe('requests at the same time, at two processes on one database', () => {
  const database = useDatabase();
  let apis: DocumentedApi[];
  beforeAll(async () => {
    await watchEvents(database);
    const settings = { OTP_RESEND_INTERVAL: '1' };
    const services = [await startService(database, settings), await startService(database, settings)];
    apis = services.map(({ url }) => new DocumentedApi(url));
    // Warm connections, as an attacker would have: the requests then really arrive together.
    await Promise.all(apis.map((api) => parallel(100, () => api.get('/health/live'))));
  });
  const api = (index = 0): DocumentedApi => apis[index % 2]!;
  const confirmedEvents = async (reference: string) =>
    (await raisedBy(database, reference)).filter(({ type }) => type === 'AgreementConfirmed');

  it('of 50 right codes one confirms', async () => {
    const { reference, code } = await api().createAndAwaitCode();
    const answers = await parallel(50, (index) => api(index).confirm(reference, code));
    expect(counted(answers)).toEqual({ '200 confirmed': 1, '409 already_confirmed': 49 });
    expect(await confirmedEvents(reference)).toHaveLength(1);
    expect((await historyOf(database, reference)).filter((kind) => kind === 'confirmed')).toHaveLength(1);
  });

  it('of 200 different guesses, the right one among them, at most 3 are evaluated', async () => {
    const { reference, code } = await api().createAndAwaitCode();
    const guesses = Array.from({ length: 200 }, (_, index) =>
      String((Number(code) + index) % 1_000_000).padStart(6, '0'),
    );
    const answers = await parallel(200, (index) => api(index).confirm(reference, guesses[(index * 7) % 200] ?? ''));
    const kinds = counted(answers);
    const history = await historyOf(database, reference);
    const evaluated = history.filter((kind) => kind === 'code_mismatched' || kind === 'confirmed').length;
    expect(evaluated).toBeGreaterThan(0);
    expect(evaluated).toBeLessThanOrEqual(3);
    expect((kinds['422 code_invalid'] ?? 0) + (kinds['200 confirmed'] ?? 0)).toBe(evaluated);
    expect(Object.keys(kinds).sort()).toEqual(expect.not.arrayContaining(['500 internal_error', '503 unavailable']));
  });

  it('of 200 wrong guesses exactly 3 are evaluated, each with its own number of attempts left', async () => {
    const { reference, code } = await api().createAndAwaitCode();
    const guess = (index: number) => String((Number(code) + 1 + index) % 1_000_000).padStart(6, '0');
    const answers = await parallel(200, (index) => api(index).confirm(reference, guess(index)));
    expect(counted(answers)).toEqual({ '422 code_invalid': 3, '409 attempts_exhausted': 197 });
    const left = answers.filter(({ status }) => status === 422).map(({ body }) => body['attempts_left'] as number);
    expect(left.sort()).toEqual([0, 1, 2]);
  });

  it('of 50 resends one makes a code and one text is sent', async () => {
    const phone = freshPhone();
    const agreement = await api().createAndAwaitCode({ phone });
    await database.query(
      "UPDATE agreement SET requested_at = requested_at - interval '1 minute' WHERE reference = $1",
      [agreement.reference],
    );
    const answers = await parallel(50, (index) => api(index).post(`/v1/agreement/${agreement.reference}/resend`));
    const { '202 pending': taken = 0, '429 resend_too_soon': early = 0 } = counted(answers);
    expect([taken + early, taken >= 1]).toEqual([50, true]);
    await api().codeSentTo(phone, 2);
    await api().until(agreement.reference, { delivery: 'sent' });
    const sent = ['code_issued', 'code_sent'];
    expect(await historyOf(database, agreement.reference)).toEqual(['created', ...sent, 'code_requested', ...sent]);
    expect(await api().messages(phone)).toHaveLength(2);
  });

  it('of a confirmation and a cancellation one wins, and the other is told so', async () => {
    for (const _ of [1, 2, 3, 4, 5]) {
      const { reference, code } = await api().createAndAwaitCode();
      const answers = await Promise.all([
        api(0).confirm(reference, code),
        api(1).post(`/v1/agreement/${reference}/cancel`),
      ]);
      const won = answers.filter(({ status }) => status === 200);
      expect(won).toHaveLength(1);
      expect((await api().get(`/v1/agreement/${reference}`)).body['status']).toBe(won[0]?.body['status']);
      const lost = answers.find(({ status }) => status !== 200);
      expect(lost).toMatchObject({
        status: 409,
        body: { code: expect.stringMatching(/already_confirmed|agreement_closed/) },
      });
    }
  });

  it('of 50 withdrawals all give the same answer and one event is raised', async () => {
    const { reference, code } = await api().createAndAwaitCode();
    await api().confirm(reference, code);
    const answers = await parallel(50, (index) => api(index).post(`/v1/agreement/${reference}/withdraw`));
    expect(counted(answers)).toEqual({ '200 withdrawn': 50 });
    expect(new Set(answers.map(({ body }) => body['withdrawn_at'])).size).toBe(1);
    expect((await raisedBy(database, reference)).filter(({ type }) => type === 'AgreementWithdrawn')).toHaveLength(1);
  });

  it('numbers the events of an agreement one after the other, whatever happens at once', async () => {
    const { reference, code } = await api().createAndAwaitCode();
    await parallel(20, (index) => api(index).confirm(reference, code));
    await parallel(5, (index) => api(index).post(`/v1/agreement/${reference}/withdraw`));
    const sequences = (await raisedBy(database, reference)).map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.map((_, index) => index + 1));
  });
});
