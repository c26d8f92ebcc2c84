import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { PRINTED_WHOLE } from '../../test/support/printing.js';
import { StatementRefused, withoutValues } from './statement-refused.js';

/** What the driver makes of the server's answer. */
function answer(fields: Partial<pg.DatabaseError>): pg.DatabaseError {
  const error = new pg.DatabaseError(fields.message ?? '', 1, 'error');
  return Object.assign(error, { severity: 'ERROR', ...fields });
}

const CONSTRAINT = answer({
  code: '23514',
  constraint: 'agreement_status_check',
  message: 'new row for relation "agreement" violates check constraint "agreement_status_check"',
  detail: 'Failing row contains (019aa3b2, +79161234567, 012345).',
  where: 'SQL statement "… 012345"',
});
const INPUT = answer({ code: '22P02', message: 'invalid input syntax for type uuid: "+79161234567"' });
const RAISED = answer({ code: 'P0001', message: 'no: 012345', internalQuery: 'SELECT 012345' });

describe('what the server refused', () => {
  it.each(PRINTED_WHOLE)('shows no value in %s', (_, print) => {
    for (const error of [CONSTRAINT, INPUT, RAISED]) {
      expect(print(withoutValues(error, 'agreement_add'))).not.toMatch(/9161234567|012345/);
    }
  });

  it('still says which statement it was, and why', () => {
    expect(withoutValues(CONSTRAINT, 'agreement_add')).toMatchObject({
      message:
        'agreement_add refused: new row for relation "agreement" violates check constraint "agreement_status_check" (23514)',
      code: '23514',
      constraint: 'agreement_status_check',
    });
    expect(String(withoutValues(INPUT, 'agreement_load'))).toBe(
      'StatementRefused: agreement_load refused: SQLSTATE 22P02',
    );
    expect(withoutValues(RAISED, 'agreement_add')).toBeInstanceOf(StatementRefused);
    expect((withoutValues(INPUT, 'agreement_load') as Error).cause).toBeUndefined();
  });

  it.each([
    new Error('a defect of ours'),
    Object.assign(new Error('the network'), { code: 'EPIPE' }),
    'no error at all',
  ])('leaves alone what is not the server’s: %s', (error) => {
    expect(withoutValues(error, 'agreement_add')).toBe(error);
  });
});
