import { describe, expect, it } from '@jest/globals';
import { version } from 'uuid';
import { randomHex, uuidv7 } from './uuid.js';

/** More than one filling of the store. */
const MANY = 1_000;

describe('ids', () => {
  it('are UUIDv7 of the time that was given', () => {
    const id = uuidv7(Date.UTC(2026, 0, 31));

    expect(version(id)).toBe(7);
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(Date.UTC(2026, 0, 31));
  });

  it('are of now without one', () => {
    const before = Date.now();
    const made = Number.parseInt(uuidv7().replaceAll('-', '').slice(0, 12), 16);

    expect(made).toBeGreaterThanOrEqual(before);
    expect(made).toBeLessThanOrEqual(Date.now());
  });

  it('are never the same twice, also of one millisecond', () => {
    const ids = Array.from({ length: MANY }, () => uuidv7(0));

    expect(new Set(ids).size).toBe(MANY);
  });

  it('have no two halves alike with what is drawn in between', () => {
    const drawn = Array.from({ length: MANY }, () => randomHex());

    expect(drawn.every((hex) => /^[\da-f]{32}$/.test(hex))).toBe(true);
    expect(new Set(drawn.flatMap((hex) => [hex.slice(0, 16), hex.slice(16)])).size).toBe(2 * MANY);
  });
});
