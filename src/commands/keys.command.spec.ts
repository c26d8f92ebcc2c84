import { describe, expect, it } from '@jest/globals';
import { keys } from './keys.command.js';

describe('the keys that are made', () => {
  const made = Array.from({ length: 2000 }, () => (keys(['create', 'shop']).data as { key: string }).key);

  it('are all different', () => {
    expect(new Set(made).size).toBe(2000);
  });

  it('have 256 bits, each of them set in about half of the keys', () => {
    const counts = new Array<number>(256).fill(0);
    for (const key of made) {
      const bytes = Buffer.from(key.replace(/^agr_/, ''), 'base64url');
      expect(bytes).toHaveLength(32);
      for (let bit = 0; bit < 256; bit += 1) counts[bit]! += ((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1;
    }
    // Seven standard deviations: for all bits together once in a billion runs.
    expect(counts.filter((count) => Math.abs(count - 1000) > 157)).toEqual([]);
  });
});
