import { describe, expect, it } from '@jest/globals';
import { until } from '../test/support/until.js';
import { Deadlines } from './deadlines.js';

const LIMIT = 100;

describe('things that must be over in time', () => {
  const watched = () => {
    const overdue: { item: string; after: number }[] = [];
    const added = new Map<string, number>();
    const deadlines = new Deadlines<string>(LIMIT, (item) => {
      overdue.push({ item, after: performance.now() - (added.get(item) ?? 0) });
    });
    const add = (item: string): void => {
      added.set(item, performance.now());
      deadlines.add(item);
    };
    return { deadlines, overdue, add };
  };

  it('are told of one by one, each when its own time is up', async () => {
    const { overdue, add } = watched();
    add('first');
    const since = performance.now();
    await until('half the time', () => performance.now() - since > LIMIT / 2);
    add('second');
    add('third');
    await until('all', () => overdue.length === 3);
    expect(overdue.map(({ item }) => item)).toEqual(['first', 'second', 'third']);
    for (const { after } of overdue) expect(after).toBeGreaterThanOrEqual(LIMIT);
    expect(overdue[0]?.after).toBeLessThan(overdue[1]!.after + LIMIT / 2);
  });

  it('are not spoken of again once they are over, and may begin anew', async () => {
    const { deadlines, overdue, add } = watched();
    add('over');
    add('again');
    deadlines.delete('over');
    deadlines.delete('again');
    add('late');
    add('again');
    await until('both', () => overdue.length === 2);
    expect(overdue.map(({ item }) => item)).toEqual(['late', 'again']);
    add('anew');
    await until('it too', () => overdue.length === 3);
  });
});
