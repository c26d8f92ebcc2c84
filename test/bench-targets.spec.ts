import { describe, expect, it } from '@jest/globals';
import { spreadOf } from '../bench/statistics.js';
import { compared, fails, type Target, TARGETS, verdictOf } from '../bench/targets.js';

const HIGHER: Target = { name: 'create ÷ textbook', better: 'higher', unit: '×', gate: 5, stretch: 9 };
const LOWER: Target = { name: 'p99', better: 'lower', unit: 'ms', gate: 50, stretch: 25 };
const UNGATED: Target = { ...HIGHER, gate: null };
const LOOKED_AT: Target = { ...UNGATED, stretch: null };

describe('a spread', () => {
  it('is the middle and the ends, in any order', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, low: 1, high: 3 });
    expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, low: 1, high: 4 });
    expect(spreadOf([])).toEqual({ median: NaN, low: NaN, high: NaN });
  });
});

describe('a verdict', () => {
  it.each([
    [HIGHER, 4.9, 'broken'],
    [HIGHER, 5, 'holds'],
    [HIGHER, 9, 'stretch reached'],
    [LOWER, 51, 'broken'],
    [LOWER, 50, 'holds'],
    [LOWER, 25, 'stretch reached'],
    [UNGATED, 5, 'below the stretch'],
    [UNGATED, 9, 'stretch reached'],
    [LOOKED_AT, 5, null],
    [TARGETS.lostEvents, 0, 'stretch reached'],
    [TARGETS.lostEvents, 1, 'broken'],
  ])('of %j at %d is %s', (target, value, verdict) => {
    expect(verdictOf(compared(target, [value]), false)).toBe(verdict);
  });

  it('is judged by the median, not by the best round', () => {
    expect(verdictOf(compared(HIGHER, [1, 2, 20]), false)).toBe('broken');
  });

  it('is none where it was too noisy or nothing was measured, read back from JSON too', () => {
    expect(verdictOf(compared(HIGHER, [9]), true)).toBe('not judged');
    expect(verdictOf(compared(HIGHER, []), false)).toBe('not judged');
    expect(verdictOf(JSON.parse(JSON.stringify(compared(LOWER, []))), false)).toBe('not judged');
  });

  it('fails the run where a gate is broken or cannot be judged, and only there', () => {
    expect(fails(compared(HIGHER, [4]), false)).toBe(true);
    expect(fails(compared(HIGHER, [9]), true)).toBe(true);
    expect(fails(compared(HIGHER, [5]), false)).toBe(false);
    expect(fails(compared(UNGATED, [1]), false)).toBe(false);
    expect(fails(compared(UNGATED, [9]), true)).toBe(false);
  });
});

describe('the targets', () => {
  it('each have a stretch that is at least as hard as the gate, and a name of their own', () => {
    const targets: Target[] = Object.values(TARGETS);

    const eased = targets.filter(({ gate, stretch, better }) => {
      if (gate === null || stretch === null) return false;
      return better === 'higher' ? stretch < gate : stretch > gate;
    });

    expect(eased).toEqual([]);
    expect(new Set(targets.map(({ name }) => name)).size).toBe(targets.length);
  });
});
