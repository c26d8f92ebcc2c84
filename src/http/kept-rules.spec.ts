import { describe, expect, it } from '@jest/globals';
import { IsIn, IsIP, IsObject, IsString, IsUUID, Matches, ValidateNested, validateSync } from 'class-validator';
import fc from 'fast-check';
import { keepsRules } from './kept-rules.js';
import { IfGiven, InsteadOf, IsCount, IsMetadata, IsText, IsTime, NeededUnless } from './text.validators.js';

/** A field for each kind of rule that inputs of the service have. */
class Asked {
  @NeededUnless('email')
  @IsText(1, 64)
  phone?: string;

  @InsteadOf('phone')
  @IsText(1, 320)
  email?: string;

  @IfGiven()
  @Matches(/^[0-9]{6,10}$/)
  code?: string;

  @IfGiven()
  @IsObject()
  document?: object;

  @IfGiven()
  @IsMetadata()
  metadata?: object;

  @IfGiven()
  @IsIP()
  ip?: string;

  @IfGiven()
  @IsTime()
  at?: string;

  @IfGiven()
  @IsIn(['pending', 'confirmed'])
  status?: string;
}

/** Likewise; nothing of it is needed. */
class Filter {
  @IfGiven()
  @IsCount(1, 100)
  limit?: string;

  @IfGiven()
  @IsUUID()
  cursor?: string;

  @IfGiven()
  @IsText(1, 5)
  reason?: string;
}

const FIELDS = ['phone', 'email', 'code', 'document', 'metadata', 'ip', 'at', 'status', 'limit', 'cursor', 'reason'];

/** What callers send, right and wrong. */
const VALUES = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    undefined,
    0,
    true,
    '',
    ' ',
    'a',
    '+7 916 123-45-67',
    'somebody@example.com',
    '042137',
  ),
  fc.constantFrom<unknown>(
    'a'.repeat(64),
    'x'.repeat(2_000),
    '\ud800',
    '203.0.113.7',
    '2026-01-31T12:00:00Z',
    'pending',
  ),
  fc.constantFrom<unknown>(
    {},
    [],
    { order: '1042' },
    { order: 1042 },
    ['a'],
    '20',
    '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50',
  ),
  fc.string(),
);

describe('the quick look at an input', () => {
  it.each([Asked, Filter])('says of %p what class-validator says', (dto) => {
    const inputs = fc.dictionary(fc.constantFrom(...FIELDS), VALUES, { maxKeys: 12 });
    fc.assert(
      fc.property(inputs, (fields) => {
        const input = Object.assign(new dto(), fields);
        expect(keepsRules(dto, input)).toBe(validateSync(input).length === 0);
      }),
      { numRuns: 1_000 },
    );
  });

  it('finds both kept and broken rules', () => {
    const short = Object.assign(new Filter(), { reason: 'asked' });
    const tooLong = Object.assign(new Filter(), { reason: 'asked for' });

    expect([new Filter(), short, tooLong].map((input) => keepsRules(Filter, input))).toEqual([true, true, false]);
  });

  it('refuses a rule that it could not ask for', () => {
    class Several {
      @IsString({ each: true })
      names = ['a'];
    }
    class Nested {
      @ValidateNested()
      inner = new Several();
    }

    expect(() => keepsRules(Several, new Several())).toThrow('of a kind that is not asked for');
    expect(() => keepsRules(Nested, new Nested())).toThrow('of a kind that is not asked for');
  });
});
