import { describe, expect, it } from '@jest/globals';
import { addressOf, numberOf } from './recipient.js';

describe('whom the messages of the sandbox are looked for', () => {
  it.each([
    ['+79161234567', undefined, '+79161234567'],
    ['+7 (916) 123-45-67', undefined, '+79161234567'],
    [' 79161234567', undefined, '+79161234567'],
    ['8 916 123-45-67', 'RU', '+79161234567'],
    ['8 916 123-45-67', undefined, null],
    ['ivan@example.com', undefined, null],
    ['+7916', undefined, null],
    ['%', undefined, null],
    [undefined, 'RU', null],
  ])('by the number %j (at home in %s): %s', (typed, region, expected) => {
    expect(numberOf(typed, region)).toBe(expected);
  });

  it.each([
    ['Ivan@Example.COM', 'ivan@example.com'],
    [' ivan@example.com ', 'ivan@example.com'],
    ['info@почта.рф', 'info@xn--80a1acny.xn--p1ai'],
    ['Info@ПОЧТА.РФ', 'info@xn--80a1acny.xn--p1ai'],
    ['ivan', null],
    ['%@example.com%', null],
    [undefined, null],
  ])('by the address %j: %s', (typed, expected) => {
    expect(addressOf(typed)).toBe(expected);
  });
});
