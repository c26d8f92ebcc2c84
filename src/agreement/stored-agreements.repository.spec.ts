import { describe, expect, it, jest } from '@jest/globals';
import type { Database, DatabaseClock, Statement } from '../database/index.js';
import type { OutboxSignal } from '../outbox/index.js';
import type { ChangedRow } from './agreement.rows.js';
import { StoredAgreements } from './stored-agreements.repository.js';

const NOW = new Date('2026-11-21T10:00:00Z');

/** A database that notes the statements and gives the answer of a test. */
function stored(answer: (rows: Record<string, unknown>[]) => object[]) {
  const statements: { name: string; rows: Record<string, unknown>[] }[] = [];
  const query = ({ name }: Statement, [json]: readonly unknown[]): Promise<object[]> => {
    const rows = JSON.parse(String(json)) as Record<string, unknown>[];
    statements.push({ name, rows });
    return new Promise((resolve) => setImmediate(() => resolve(answer(rows))));
  };
  const notify = jest.fn();
  const agreements = new StoredAgreements(
    { query } as unknown as Database,
    { observe: () => undefined } as unknown as DatabaseClock,
    { notify } as unknown as OutboxSignal,
  );
  return { agreements, statements, notify };
}

const change = (reference: string, version = 1, more: Partial<ChangedRow> = {}): ChangedRow => ({
  ...{ reference, version, entries: [], raised: [] },
  ...more,
});
const all = (rows: Record<string, unknown>[]): object[] => [{ saved: rows.map(({ n }) => n) }];
const numbersOf = (list: readonly Record<string, unknown>[] | undefined): unknown[] =>
  (list ?? []).map(({ reference }) => reference);

describe('agreements that are loaded together', () => {
  it('are asked for in one statement and given to whom each belongs, in whatever order they come', async () => {
    const { agreements, statements } = stored((rows) =>
      rows
        .toReversed()
        .map(({ n, asked, key }) => ({ n, reference: asked === 'b' ? null : asked, now: NOW, kept_answer: key })),
    );
    const asked = ['a', 'b', 'c'].map((reference) => agreements.load({ reference, client: 'shop', key: null }));

    expect((await Promise.all(asked)).map(({ reference }) => reference)).toEqual(['a', null, 'c']);
    expect(statements.map(({ name }) => name)).toEqual(['agreement_load']);
    expect(statements[0]?.rows[1]).toEqual({ n: 1, asked: 'b', client_asking: 'shop', key: null });
  });

  it('are looked for with what is kept where one of them has a key', async () => {
    const { agreements, statements } = stored((rows) =>
      rows.map(({ n, asked, key }) => ({ n, reference: asked, now: NOW, kept_answer: key })),
    );
    const asked = [null, 'k'].map((key) => agreements.load({ reference: 'a', client: 'shop', key }));

    expect((await Promise.all(asked)).map((row) => row.kept_answer)).toEqual([null, 'k']);
    expect(statements.map(({ name }) => name)).toEqual(['agreement_load_kept']);
  });
});

describe('changes that are saved together', () => {
  it('go in one statement, sorted, and are told each whether it was first', async () => {
    const { agreements, statements } = stored(() => [{ saved: [0, 2] }]);

    const saved = await Promise.all(['c', 'a', 'b'].map((reference) => agreements.save(change(reference))));

    expect(saved).toEqual([true, true, false]);
    expect(statements.map(({ name, rows }) => [name, numbersOf(rows)])).toEqual([['agreement_save', ['a', 'b', 'c']]]);
  });

  it('of one version ask the database once: the others have to look again, however it fared', async () => {
    for (const answer of [all, () => [{ saved: null }]]) {
      const { agreements, statements } = stored(answer);
      const saved = await Promise.all(Array.from({ length: 200 }, () => agreements.save(change('a'))));
      expect(saved.filter(Boolean)).toHaveLength(answer === all ? 1 : 0);
      expect(statements.map(({ rows }) => rows.length)).toEqual([1]);
      expect(await agreements.save(change('a', 2))).toBe(answer === all);
    }
  });

  it('of one version are not all refused where the first one is', async () => {
    const query = jest.fn(() => Promise.reject(new Error('bad row')));
    const refusing = new StoredAgreements(
      { query } as unknown as Database,
      { observe: () => undefined } as unknown as DatabaseClock,
      { notify: () => undefined } as unknown as OutboxSignal,
    );
    const [first, second] = await Promise.allSettled([refusing.save(change('a')), refusing.save(change('a'))]);
    expect(first.status).toBe('rejected');
    expect(second).toEqual({ status: 'fulfilled', value: false });
    await expect(refusing.save(change('a'))).rejects.toThrow('bad row');
  });

  it('wait where another version of the same agreement is on its way', async () => {
    const { agreements, statements } = stored(all);

    await Promise.all([agreements.save(change('a', 1)), agreements.save(change('a', 2)), agreements.save(change('b'))]);

    expect(statements.map(({ rows }) => numbersOf(rows))).toEqual([['a', 'b'], ['a']]);
  });

  it('take keys where one of them has one, and wake the relay only where an event was saved', async () => {
    const { agreements, statements, notify } = stored((rows) => [{ saved: rows.map(({ n }) => n).slice(0, 1) }]);
    const raised = [{ id: 'event', type: 'type', payload: {} }];

    await Promise.all([agreements.save(change('a')), agreements.save(change('b', 1, { key: 'k', raised }))]);
    expect(notify).not.toHaveBeenCalled();
    await Promise.all([agreements.save(change('a', 1, { raised })), agreements.save(change('b'))]);
    expect(notify).toHaveBeenCalledTimes(1);
    expect(statements.map(({ name }) => name)).toEqual(['agreement_save_kept', 'agreement_save']);
  });
});
