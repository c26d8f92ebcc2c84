import { beforeEach, describe, expect, it } from '@jest/globals';
import { OutboxFloor } from './outbox-floor.js';

describe('the floor of the outbox', () => {
  let floor: OutboxFloor;

  beforeEach(() => {
    floor = new OutboxFloor();
  });

  it('is below everything in the beginning', () => {
    expect(floor.seq).toBe('0');
  });

  it('rises over a batch when a later read saw nothing running from before its deletion', () => {
    floor.passed('500', '90', '100');
    expect(floor.seq).toBe('0');
    floor.passed('1000', '100', '101');
    expect(floor.seq).toBe('500');
    floor.passed('1500', '102', '102');
    expect(floor.seq).toBe('1000');
  });

  it('stays where something still runs that may bring up a lower number', () => {
    floor.passed('500', '90', '100');
    floor.passed('1000', '99', '101');
    floor.passed('1500', '99', '102');
    expect(floor.seq).toBe('0');
    floor.passed('2000', '103', '103');
    expect(floor.seq).toBe('500');
  });

  it('does not rise over what came up late and did not fit into the batch', () => {
    floor.passed('500', '90', '100');
    floor.passed('321', '101', '101');
    expect(floor.seq).toBe('321');
  });

  it('compares numbers, not texts, also where they are large', () => {
    floor.passed('9007199254740993', '999', '1000');
    floor.passed('10007199254740993', '1001', '1001');
    expect(floor.seq).toBe('9007199254740993');
  });

  it('begins anew', () => {
    floor.passed('500', '90', '100');
    floor.passed('1000', '100', '101');
    floor.reset();
    expect(floor.seq).toBe('0');
    floor.passed('1500', '102', '103');
    expect(floor.seq).toBe('0');
  });
});
