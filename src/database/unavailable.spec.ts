import { describe, expect, it } from '@jest/globals';
import { causeOf, DatabaseUnavailable, isConnectionLost, isUnavailable } from './unavailable.js';

const withCode = (message: string, code: string): Error => Object.assign(new Error(message), { code });

const LOST = [
  withCode('connect ECONNREFUSED 127.0.0.1:5432', 'ECONNREFUSED'),
  withCode('write EPIPE', 'EPIPE'),
  withCode('no answer', 'ETIMEDOUT'),
  withCode('terminating connection due to administrator command', '57P01'),
  withCode('connection failure', '08006'),
  new Error('Connection terminated unexpectedly'),
  new Error('Query read timeout'),
  new Error('Client was closed and is not queryable'),
];
const BUSY = [
  withCode('canceling statement due to statement timeout', '57014'),
  withCode('cannot execute INSERT in a read-only transaction', '25006'),
  withCode('sorry, too many clients already', '53300'),
  withCode('deadlock detected', '40P01'),
];
const WRONG = [withCode('duplicate key value', '23505'), new Error('anything else'), 'no error at all', undefined];

describe('an error of the database', () => {
  it.each(LOST)('may say that the connection is lost: %s', (error) => {
    expect([isUnavailable(error), isConnectionLost(error)]).toEqual([true, true]);
  });

  it.each(BUSY)('may say that the server cannot do it now, on a connection that is good: %s', (error) => {
    expect([isUnavailable(error), isConnectionLost(error)]).toEqual([true, false]);
  });

  it.each(WRONG)('may say that the statement is wrong: %s', (error) => {
    expect([isUnavailable(error), isConnectionLost(error)]).toEqual([false, false]);
  });

  it('is found under what was made of it', () => {
    const wrapped = new Error('outside', { cause: new DatabaseUnavailable('inside') });
    expect(isUnavailable(wrapped)).toBe(true);
  });
});

describe('the cause in a log', () => {
  it('is the message, with the code where that does not hold it', () => {
    expect(causeOf(LOST[0])).toBe('connect ECONNREFUSED 127.0.0.1:5432');
    expect(causeOf(BUSY[0])).toBe('canceling statement due to statement timeout (57014)');
    expect(causeOf(new Error('Connection terminated unexpectedly'))).toBe('Connection terminated unexpectedly');
  });

  it('is each of several, as where a name has two addresses', () => {
    const both = new AggregateError([withCode('connect ECONNREFUSED ::1:5432', 'ECONNREFUSED'), LOST[0]]);
    expect(causeOf(both)).toBe('connect ECONNREFUSED ::1:5432; connect ECONNREFUSED 127.0.0.1:5432');
  });
});
