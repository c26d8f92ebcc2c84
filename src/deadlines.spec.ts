import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Deadlines } from './deadlines.js';

const LIMIT = 100;

describe('things that must be over in time', () => {
  let told: [item: string, at: number][];
  let deadlines: Deadlines<string>;
  beforeEach(() => {
    jest.useFakeTimers();
    const began = performance.now();
    told = [];
    deadlines = new Deadlines<string>(LIMIT, (item) => told.push([item, performance.now() - began]));
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('are told of one by one, each when its own time is up', () => {
    deadlines.begin('first');
    jest.advanceTimersByTime(LIMIT / 2);
    deadlines.begin('second');
    deadlines.begin('third');
    jest.advanceTimersByTime(LIMIT - 1);
    expect(told).toEqual([['first', LIMIT]]);
    jest.advanceTimersByTime(2 * LIMIT);
    expect(told.map(([item]) => item)).toEqual(['first', 'second', 'third']);
    for (const [, at] of told.slice(1)) expect(at).toBeGreaterThanOrEqual(LIMIT + LIMIT / 2);
    for (const [, at] of told.slice(1)) expect(at).toBeLessThan(2 * LIMIT);
  });

  it('are not spoken of again once they are over, and may begin anew', () => {
    const begun = ['over', 'again'].map((item) => deadlines.begin(item));
    for (const deadline of begun) deadline.end();
    for (const item of ['late', 'again']) deadlines.begin(item);
    jest.advanceTimersByTime(2 * LIMIT);
    expect(told.map(([item]) => item)).toEqual(['late', 'again']);
    deadlines.begin('anew');
    jest.advanceTimersByTime(2 * LIMIT);
    expect(told.map(([item]) => item)).toEqual(['late', 'again', 'anew']);
  });
});
