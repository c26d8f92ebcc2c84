import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Inserts } from './inserts.js';

const tooBusy = (): Error => new Error('too busy');

/** A database that notes what it is given and answers when it is told to. */
function aTable() {
  const statements: { rows: readonly object[]; commit: () => void; fail: (error: Error) => void }[] = [];
  const insert = (rows: readonly object[]): Promise<string[]> =>
    new Promise((resolve, reject) => {
      statements.push({ rows, commit: () => resolve(rows.map(() => 'committed')), fail: reject });
    });
  const inserts = new Inserts(insert, (error) => (error as Error).message === 'bad row', tooBusy);
  return { inserts, statements };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const rows = (count: number): object[] => Array.from({ length: count }, (_, number) => ({ number }));

describe('rows to insert', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('are sent away where their turn does not come in time, and only those', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const { inserts, statements } = aTable();
    const first = inserts.add({});
    await turn();
    const second = inserts.add({});
    await turn();
    const tired = inserts.add({});
    const told = expect(tired).rejects.toThrow('too busy');
    jest.advanceTimersByTime(1_000);
    const patient = inserts.add({});
    jest.advanceTimersByTime(500);
    await told;

    for (const { commit } of statements) commit();
    await Promise.all([first, second]);
    await turn();
    expect(statements.map((statement) => statement.rows.length)).toEqual([1, 1, 1]);
    statements[2]?.commit();
    expect(await patient).toBe('committed');
  });

  it('go in one statement where they arrive in one turn', async () => {
    const { inserts, statements } = aTable();
    const added = rows(3).map((row) => inserts.add(row));
    await turn();
    expect(statements.map((statement) => statement.rows)).toEqual([rows(3)]);

    statements[0]?.commit();
    expect(await Promise.all(added)).toEqual(['committed', 'committed', 'committed']);
  });

  it('are answered each for itself', async () => {
    const insert = (given: readonly { number: number }[]): Promise<string[]> =>
      given.some(({ number }) => number > 9)
        ? Promise.reject(new Error('bad row'))
        : Promise.resolve(given.map(({ number }) => `row ${number}`));
    const inserts = new Inserts(insert, () => true, tooBusy);

    const together = await Promise.all([3, 1, 2].map((number) => inserts.add({ number })));
    const oneByOne = await Promise.allSettled([3, 10, 2].map((number) => inserts.add({ number })));

    expect(together).toEqual(['row 3', 'row 1', 'row 2']);
    expect(oneByOne.map((one) => (one.status === 'fulfilled' ? one.value : undefined))).toEqual([
      'row 3',
      undefined,
      'row 2',
    ]);
  });

  it('are answered only after the commit', async () => {
    const { inserts, statements } = aTable();
    let answered = false;
    const added = inserts.add({}).then(() => (answered = true));
    await turn();
    await turn();
    expect(answered).toBe(false);

    statements[0]?.commit();
    await added;
    expect(answered).toBe(true);
  });

  it('wait while two statements are on their way, and then go together, 200 at most', async () => {
    const { inserts, statements } = aTable();
    const first = inserts.add({});
    await turn();
    const second = inserts.add({});
    await turn();
    const others = rows(250).map((row) => inserts.add(row));
    await turn();
    expect(statements.map((statement) => statement.rows.length)).toEqual([1, 1]);

    statements[0]?.commit();
    await first;
    await turn();
    expect(statements.map((statement) => statement.rows.length)).toEqual([1, 1, 200]);
    statements[1]?.commit();
    statements[2]?.commit();
    await second;
    await turn();
    statements[3]?.commit();
    await Promise.all(others);
    expect(statements[3]?.rows.length).toBe(50);
  });

  it('fail alone where the database refuses one of them', async () => {
    const insert = (given: readonly object[]): Promise<string[]> =>
      given.some((row) => 'bad' in row) ? Promise.reject(new Error('bad row')) : Promise.resolve(['committed']);
    const inserts = new Inserts(insert, () => true, tooBusy);

    const answers = await Promise.allSettled([inserts.add({}), inserts.add({ bad: true }), inserts.add({})]);

    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('fail together, and are not tried again, where the server is away', async () => {
    const { inserts, statements } = aTable();
    const added = Promise.allSettled([inserts.add({}), inserts.add({})]);
    await turn();
    statements[0]?.fail(new Error('gone'));

    expect((await added).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(statements).toHaveLength(1);
  });
});
