import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Batches } from './batches.js';

const tooBusy = (): Error => new Error('too busy');

/** A database that notes what it is given and answers when it is told to. */
function aTable() {
  const statements: { rows: readonly object[]; commit: () => void; fail: (error: Error) => void }[] = [];
  const insert = (rows: readonly object[]): Promise<string[]> =>
    new Promise((resolve, reject) => {
      statements.push({ rows, commit: () => resolve(rows.map(() => 'committed')), fail: reject });
    });
  const inserts = new Batches(insert, (error) => (error as Error).message === 'bad row', tooBusy);
  return { inserts, statements };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const rows = (count: number): object[] => Array.from({ length: count }, (_, number) => ({ number }));

describe('rows of batches', () => {
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
    const third = inserts.add({});
    await turn();
    const tired = inserts.add({});
    const told = expect(tired).rejects.toThrow('too busy');
    jest.advanceTimersByTime(1_000);
    const patient = inserts.add({});
    jest.advanceTimersByTime(500);
    await told;

    for (const { commit } of statements) commit();
    await Promise.all([first, second, third]);
    await turn();
    expect(statements.map((statement) => statement.rows.length)).toEqual([1, 1, 1, 1]);
    statements[3]?.commit();
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
    const inserts = new Batches(insert, () => true, tooBusy);

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

  it('wait while three statements are on their way, and then go together, 200 at most', async () => {
    const { inserts, statements } = aTable();
    const sizes = (): number[] => statements.map((statement) => statement.rows.length);
    const begun: Promise<string>[] = [];
    for (let each = 0; each < 3; each += 1) {
      begun.push(inserts.add({}));
      await turn();
    }
    const others = rows(250).map((row) => inserts.add(row));
    await turn();
    expect(sizes()).toEqual([1, 1, 1]);

    statements[0]?.commit();
    await begun[0];
    await turn();
    expect(sizes()).toEqual([1, 1, 1, 200]);
    for (const { commit } of statements) commit();
    await Promise.all(begun);
    await turn();
    statements[4]?.commit();
    await Promise.all(others);
    expect(sizes()).toEqual([1, 1, 1, 200, 50]);
  });

  it('wait behind a large batch for company: half as many, eight at most', async () => {
    const { inserts, statements } = aTable();
    const sizes = (): number[] => statements.map((statement) => statement.rows.length);
    const added = rows(100).map((row) => inserts.add(row));
    await turn();
    added.push(...rows(7).map((row) => inserts.add(row)));
    await turn();
    expect(sizes()).toEqual([100]);
    added.push(inserts.add({}));
    await turn();
    expect(sizes()).toEqual([100, 8]);

    statements[0]?.commit();
    await turn();
    added.push(...rows(4).map((row) => inserts.add(row)));
    await turn();
    expect(sizes()).toEqual([100, 8, 4]);
    for (const { commit } of statements) commit();
    expect(await Promise.all(added)).toHaveLength(112);
  });

  it('wait for no company behind a batch that is stuck', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const { inserts, statements } = aTable();
    const added = rows(100).map((row) => inserts.add(row));
    await turn();
    added.push(inserts.add({}));
    await turn();
    expect(statements).toHaveLength(1);
    jest.advanceTimersByTime(5);
    expect(statements.map((statement) => statement.rows.length)).toEqual([100, 1]);

    for (const { commit } of statements) commit();
    expect(await Promise.all(added)).toHaveLength(101);
  });

  it('fail alone where the database refuses one of them', async () => {
    const insert = (given: readonly object[]): Promise<string[]> =>
      given.some((row) => 'bad' in row) ? Promise.reject(new Error('bad row')) : Promise.resolve(['committed']);
    const inserts = new Batches(insert, () => true, tooBusy);

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

interface Keyed {
  readonly key: string;
  readonly number?: number;
}

/** Rows with keys, and the keys of each statement; it answers when it is told to. */
function aTableWithKeys() {
  const statements: { keys: string[]; commit: () => void; fail: (error: Error) => void }[] = [];
  const send = (rows: readonly Keyed[]): Promise<string[]> =>
    new Promise((resolve, reject) => {
      const commit = (): void => resolve(rows.map(({ key, number }) => `${key}${number ?? ''}`));
      statements.push({ keys: rows.map(({ key }) => key), commit, fail: reject });
    });
  const batches = new Batches(
    send,
    (error) => (error as Error).message === 'bad row',
    tooBusy,
    ({ key }: Keyed) => key,
  );
  const keys = (): string[][] => statements.map((statement) => statement.keys);
  return { batches, statements, keys };
}

function deadlock(): Error {
  const error = Object.assign(new Error('deadlock detected'), { code: '40P01' });
  return new Error('query failed', { cause: error });
}

describe('rows of batches that lock something', () => {
  it('go sorted by their keys, and have each its own answer', async () => {
    const { batches, statements, keys } = aTableWithKeys();
    const added = ['c', 'a', 'b'].map((key, number) => batches.add({ key, number }));
    await turn();

    expect(keys()).toEqual([['a', 'b', 'c']]);
    statements[0]?.commit();
    expect(await Promise.all(added)).toEqual(['c0', 'a1', 'b2']);
  });

  it('wait for the one with their key, in their order, and hold up no others', async () => {
    const { batches, statements, keys } = aTableWithKeys();
    const added = [1, 2, 3].map((number) => batches.add({ key: 'a', number }));
    await turn();
    added.push(batches.add({ key: 'b' }));
    await turn();
    expect(keys()).toEqual([['a'], ['b']]);

    statements[1]?.commit();
    await turn();
    await turn();
    expect(keys()).toEqual([['a'], ['b']]);
    for (const next of [0, 2, 3]) {
      statements[next]?.commit();
      await turn();
      await turn();
    }
    expect(keys()).toEqual([['a'], ['b'], ['a'], ['a']]);
    expect(await Promise.all(added)).toEqual(['a1', 'a2', 'a3', 'b']);
  });

  it('wait also for one that is tried by itself', async () => {
    const { batches, statements, keys } = aTableWithKeys();
    const added = Promise.allSettled(['a', 'b'].map((key) => batches.add({ key })));
    await turn();
    statements[0]?.fail(new Error('bad row'));
    await turn();
    const next = batches.add({ key: 'a' });
    await turn();
    expect(keys()).toEqual([['a', 'b'], ['a'], ['b']]);

    statements[1]?.fail(new Error('bad row'));
    statements[2]?.commit();
    expect((await added).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    await turn();
    await turn();
    statements[3]?.commit();
    expect(await next).toBe('a');
  });

  it('are tried again where they lost a deadlock, three times at most', async () => {
    const { batches, statements, keys } = aTableWithKeys();
    const added = batches.add({ key: 'a' });
    await turn();
    statements[0]?.fail(deadlock());
    await turn();
    statements[1]?.commit();
    expect(await added).toBe('a');

    const hopeless = expect(batches.add({ key: 'b' })).rejects.toThrow('query failed');
    for (const next of [2, 3, 4]) {
      await turn();
      statements[next]?.fail(deadlock());
    }
    await hopeless;
    expect(keys()).toEqual([['a'], ['a'], ['b'], ['b'], ['b']]);
  });

  it('are not tried again for another reason', async () => {
    const { batches, statements } = aTableWithKeys();
    const added = expect(batches.add({ key: 'a' })).rejects.toThrow('bad row');
    await turn();
    statements[0]?.fail(new Error('bad row'));
    await added;
    await turn();
    expect(statements).toHaveLength(1);
  });
});
