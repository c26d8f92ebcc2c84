import { describe, expect, it } from '@jest/globals';
import { keptId } from './send-record.js';

describe('the id of a provider', () => {
  it.each([
    ['m-1', 'm-1'],
    ['идентификатор 7', 'идентификатор 7'],
    ['x'.repeat(255), 'x'.repeat(255)],
    ['x'.repeat(256), 'x'.repeat(255)],
    ['', null],
    ['a\0b', null],
    ['\n', null],
    ['a\u0085', null],
    ['a\ud800', 'a\ufffd'],
    ['x'.repeat(254) + '😀', 'x'.repeat(254) + '\ufffd'],
    [null, null],
  ])('%j is kept as %j', (given, kept) => {
    expect(keptId(given)).toBe(kept);
  });
});
