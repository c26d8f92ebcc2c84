import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { PRINTED_IN_A_TEXT, PRINTED_WHOLE } from '../test/support/printing.js';
import { Secret } from './secret.js';

const secret = new Secret('CANARY');
const bytes = new Secret(Buffer.from('CANARY'));
const masked = new Secret('CANARY', 'C••••Y');

describe('a secret', () => {
  it('is given to whoever asks for it', () => {
    expect(secret.reveal()).toBe('CANARY');
    expect(bytes.reveal()).toEqual(Buffer.from('CANARY'));
    expect(masked.reveal()).toBe('CANARY');
  });

  it.each([...PRINTED_IN_A_TEXT, ...PRINTED_WHOLE])('is not in %s', (_, print) => {
    for (const [value, shown] of [
      [secret, '[secret]'],
      [bytes, '[secret]'],
      [masked, 'C••••Y'],
    ] as const) {
      const text = print(value);
      expect(text).toContain(shown);
      expect(text).not.toMatch(/CANARY|43 ?41 ?4e|67,65|Q0FOQVJZ/i);
    }
  });

  it.each<[string, (value: Secret<unknown>) => unknown]>([
    ['the names of its fields', (value) => Object.keys(value)],
    ['its entries', (value) => Object.entries(value)],
    ['a spread', (value) => ({ ...value })],
    ['a structured clone', (value) => structuredClone(value)],
  ])('is not in %s', (_, copy) => {
    expect(inspect(copy(secret), { showHidden: true })).not.toContain('CANARY');
  });
});
