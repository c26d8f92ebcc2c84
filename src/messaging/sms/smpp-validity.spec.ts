import { describe, expect, it } from '@jest/globals';
import { validityOf } from './smpp-validity.js';

describe('the validity period of a text', () => {
  it.each([
    [5_000, '000000000005000R'],
    [59_999, '000000000059000R'],
    [60_000, '000000000100000R'],
    [899_999, '000000001459000R'],
    [3_600_000, '000000010000000R'],
    [90_061_000, '000001010101000R'],
    [1e12, '000099235959000R'],
    [0, '000000000005000R'],
    [-60_000, '000000000005000R'],
  ])('of %d milliseconds is %s', (left, expected) => {
    const signal = AbortSignal.timeout(1);
    expect(validityOf({ sendBefore: 0, usefulBefore: 1_000 + left, signal }, 1_000)).toBe(expected);
  });

  it('is not named where the end of its use is not known', () => {
    expect(validityOf({ sendBefore: 0, signal: AbortSignal.timeout(1) })).toBe('');
  });
});
