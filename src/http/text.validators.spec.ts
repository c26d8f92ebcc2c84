import { describe, expect, it } from '@jest/globals';
import { validateSync } from 'class-validator';
import { IfGiven, IsCount, IsMetadata, IsText, IsTime } from './text.validators.js';

/** What is said against a field of this value; none where it is taken. */
function faults(value: unknown, ...decorators: PropertyDecorator[]): string[] {
  class Input {
    field = value;
  }
  for (const decorate of decorators) decorate(Input.prototype, 'field');
  return validateSync(new Input()).flatMap(({ constraints }) => Object.values(constraints ?? {}));
}

const NOT_TEXTS = [undefined, null, 0, 42, true, [], ['text'], {}, { length: 3 }, new Date()];

describe('a text', () => {
  it.each(['abc', 'ёжик', '   ', 'a\nb', '😀😀😀', '\u202eabc', 'abcde'])(
    'of 3 to 5 characters is taken: %j',
    (value) => {
      expect(faults(value, IsText(3, 5))).toEqual([]);
    },
  );

  it.each(['', 'ab', 'abcdef', '😀😀', '😀😀😀😀😀😀', ...NOT_TEXTS])('of 3 to 5 characters it is not: %j', (value) => {
    expect(faults(value, IsText(3, 5))).toEqual(['must be a text of 3 to 5 characters']);
  });

  it.each(['abc\0', '\0abc', 'abc\ud83d', '\ude00abc'])('that PostgreSQL could not keep is not taken: %j', (value) => {
    expect(faults(value, IsText(1, 10))).toHaveLength(1);
  });

  it('may be empty where that is allowed', () => {
    expect(faults('', IsText(0, 5))).toEqual([]);
  });
});

describe('a field that may be missing', () => {
  it('is checked only where it is given, and null is given', () => {
    expect(faults(undefined, IfGiven(), IsText(1, 5))).toEqual([]);
    expect(faults('abc', IfGiven(), IsText(1, 5))).toEqual([]);
    expect(faults(null, IfGiven(), IsText(1, 5))).toHaveLength(1);
    expect(faults('', IfGiven(), IsText(1, 5))).toHaveLength(1);
  });
});

describe('a time', () => {
  it.each([
    '2026-01-31T12:00:00Z',
    '2026-01-31T12:00:00.1Z',
    '2026-01-31T12:00:00.123456789Z',
    '2026-01-31T23:59:59+03:00',
    '2026-01-31T00:00:00-11:30',
    '2024-02-29T12:00:00Z',
  ])('is taken: %s', (value) => {
    expect(faults(value, IsTime())).toEqual([]);
  });

  it.each([
    '2026-01-31',
    '2026-01-31T12:00:00',
    '2026-01-31T12:00Z',
    '2026-01-31 12:00:00Z',
    '2026-1-31T12:00:00Z',
    '2026-02-29T12:00:00Z',
    '2026-02-30T12:00:00Z',
    '2026-04-31T12:00:00Z',
    '2026-13-01T12:00:00Z',
    '2026-00-01T12:00:00Z',
    '2026-01-31T24:00:00Z',
    '2026-01-31T12:60:00Z',
    '2026-01-31T12:00:61Z',
    '2026-01-31T12:00:00+25:00',
    '2026-01-31T12:00:00.1234567890Z',
    '2026-01-31T12:00:00Z ',
    '2026-01-31T12:00:00Z\n',
    '٢٠٢٦-01-31T12:00:00Z',
    'Sat, 31 Jan 2026 12:00:00 GMT',
    'now',
    '',
    1769860800000,
    ...NOT_TEXTS,
  ])('is not taken: %j', (value) => {
    expect(faults(value, IsTime())).toEqual(['must be a time with zone such as 2026-01-31T12:00:00Z']);
  });
});

describe('a count', () => {
  it.each(['1', '20', '100', '007'])('from 1 to 100 is taken: %j', (value) => {
    expect(faults(value, IsCount(1, 100))).toEqual([]);
  });

  it.each(['0', '101', '-1', '1.5', '1e1', '0x1', '+1', ' 1', '', '٣', 'Infinity', '9999999999', 5, ...NOT_TEXTS])(
    'from 1 to 100 it is not: %j',
    (value) => {
      expect(faults(value, IsCount(1, 100))).toEqual(['must be a whole number from 1 to 100']);
    },
  );
});

describe('metadata', () => {
  const pairs = (count: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_, number) => [`key-${number}`, 'value']));

  it.each([
    [{}],
    [{ order: '1042' }],
    [{ empty: '' }],
    [{ constructor: 'a name like any other' }],
    [JSON.parse('{"__proto__": "a name like any other"}') as object],
    [{ ['k'.repeat(40)]: 'v'.repeat(500) }],
    [{ ['😀'.repeat(40)]: '😀'.repeat(500) }],
    [pairs(20)],
  ])('is taken: %j', (value) => {
    expect(faults(value, IsMetadata())).toEqual([]);
  });

  it.each([
    [pairs(21)],
    [{ '': 'value' }],
    [{ ['k'.repeat(41)]: 'value' }],
    [{ key: 'v'.repeat(501) }],
    [{ key: 42 }],
    [{ key: null }],
    [{ key: ['value'] }],
    [{ key: { deeper: 'value' } }],
    [{ key: 'a\0b' }],
    [{ 'a\0b': 'value' }],
    [{ key: '\ud83d' }],
    [JSON.parse('{"__proto__": {"polluted": true}}') as object],
    [[]],
    [['value']],
    ['text'],
    [null],
    [42],
  ])('is not taken: %j', (value) => {
    expect(faults(value, IsMetadata())).toEqual([
      'must be an object of at most 20 pairs, keys of 1 to 40 and values of 0 to 500 characters',
    ]);
  });
});
