import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer, SentAgreement } from './support/api.js';
import { useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { historyOf, raisedBy, watchEvents } from './support/raised-events.js';
import { startService } from './support/service.js';

const MANY = 24;
const GUESSED: ReadonlySet<string> = new Set(['confirmed', 'code_mismatched']);

/** What arrives together is loaded and saved in one statement; each must fare as it would alone. */
describe('guesses at many agreements at the same time', () => {
  const database = useDatabase();
  let apis: DocumentedApi[];
  beforeAll(async () => {
    await watchEvents(database);
    apis = [await startService(database), await startService(database)].map(({ url }) => new DocumentedApi(url));
  });
  const api = (index: number): DocumentedApi => apis[index % 2]!;
  const made = (): Promise<SentAgreement[]> =>
    Promise.all(Array.from({ length: MANY }, (_, index) => api(index).createAndAwaitCode()));
  const guess = (index: number, { reference, code }: SentAgreement, key: string | null): Promise<Answer> =>
    api(index).post(`/v1/agreement/${reference}`, { code }, key === null ? {} : { 'idempotency-key': key });
  const wrong = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

  it('are answered each for itself, with a key and without', async () => {
    const agreements = await made();
    const asked = agreements.map(({ reference, phone, code }, index) => {
      const reached = index % 4 === 3 ? randomUUID() : reference;
      return { reference: reached, phone, code: index % 4 === 2 ? wrong(code) : code };
    });

    const keys = asked.map((_, index) => (index % 3 === 0 ? randomUUID() : null));
    const answers = await Promise.all(asked.map((one, index) => guess(index, one, keys[index]!)));
    const again = await Promise.all(
      asked.map(async (one, index) => (keys[index] ? guess(index + 1, one, keys[index]) : undefined)),
    );

    for (const [index, { status, body }] of answers.entries()) {
      const { reference } = agreements[index]!;
      const outcome = [200, 200, 422, 404][index % 4];
      expect([index, status]).toEqual([index, outcome]);
      if (status === 200) expect(body['reference']).toBe(reference);
      if (again[index]) expect(again[index].body).toEqual(body);
      const kinds = (await historyOf(database, reference)).filter((kind) => GUESSED.has(kind));
      expect(kinds).toEqual({ 200: ['confirmed'], 422: ['code_mismatched'], 404: [] }[status]);
      const events = (await raisedBy(database, reference)).map(({ type }) => type);
      expect(events.filter((type) => type === 'AgreementConfirmed')).toHaveLength(status === 200 ? 1 : 0);
    }
  });

  it('wait for each other in one order, whatever order they come in', async () => {
    const agreements = await made();
    const forwards = agreements.map((one) => guess(0, one, null));
    const backwards = agreements.toReversed().map((one) => guess(1, one, null));

    const answers = await Promise.all([...forwards, ...backwards]);

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(MANY);
    expect(answers.filter(({ body }) => body['code'] === 'already_confirmed')).toHaveLength(MANY);
  });
});
