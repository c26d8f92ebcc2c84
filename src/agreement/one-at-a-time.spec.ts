import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { OneAtATime } from './one-at-a-time.js';

/** Work that notes when it begins and ends when it is told to. */
function someWork() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string) => () =>
    new Promise<string>((resolve) => {
      begun.push(name);
      ends.set(name, () => resolve(name));
    });
  return { begun, work, end: (name: string) => ends.get(name)?.() };
}

describe('work by one name', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });
  const settle = (): Promise<void> => jest.advanceTimersByTimeAsync(0);

  it('runs one after the other, however many begin at once', async () => {
    const turns = new OneAtATime();
    const { begun, work, end } = someWork();
    const all = ['a', 'b', 'c'].map((name) => turns.run('k', work(name)));
    await settle();
    expect(begun).toEqual(['a']);
    end('a');
    await settle();
    expect(begun).toEqual(['a', 'b']);
    end('b');
    await settle();
    end('c');
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c']);
  });

  it('does not wait for other names', async () => {
    const turns = new OneAtATime();
    const { begun, work, end } = someWork();
    const both = [turns.run('k', work('a')), turns.run('l', work('b'))];
    await settle();
    expect(begun).toEqual(['a', 'b']);
    end('a');
    end('b');
    await Promise.all(both);
  });

  it('begins after work that failed', async () => {
    const turns = new OneAtATime();
    const failing = turns.run('k', () => Promise.reject(new Error('no')));
    const next = turns.run('k', () => Promise.resolve('yes'));

    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('yes');
  });

  it('is given up where its turn does not come within a second, and leaves the others their turns', async () => {
    const turns = new OneAtATime();
    const { begun, work, end } = someWork();
    const first = turns.run('k', work('a'));
    const tired = turns.run('k', work('b'));
    const told = expect(tired).rejects.toMatchObject({ fault: { code: 'request_in_progress', retryAfter: 1 } });
    await jest.advanceTimersByTimeAsync(900);
    const patient = turns.run('k', work('c'));
    await jest.advanceTimersByTimeAsync(100);
    await told;
    end('a');
    await first;
    await settle();
    expect(begun).toEqual(['a', 'c']);
    end('c');
    expect(await patient).toBe('c');
    expect(jest.getTimerCount()).toBe(0);
  });
});
