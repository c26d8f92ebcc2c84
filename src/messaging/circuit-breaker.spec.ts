import { describe, expect, it } from '@jest/globals';
import { CircuitBreaker } from './circuit-breaker.js';

const SECOND = 1_000;

/** A breaker that opened at 0. */
function opened(): CircuitBreaker {
  const breaker = new CircuitBreaker();
  for (let call = 1; call <= 5; call += 1) breaker.note(true, -1, 0);
  return breaker;
}

describe('a circuit breaker', () => {
  it('opens with the fifth failure among the last ten calls', () => {
    const breaker = new CircuitBreaker();
    const calls = [true, true, false, false, true, false, true, false, false, true];
    expect(calls.map((failed) => breaker.note(failed, 0, 0))).toEqual([...Array<undefined>(9), 'opened']);
    expect(breaker.state(0)).toBe('open');
  });

  it('stays closed where failures are rare, however many they become', () => {
    const breaker = new CircuitBreaker();
    for (let call = 1; call <= 300; call += 1) breaker.note(call % 3 === 0, 0, 0);
    expect(breaker.state(0)).toBe('closed');
  });

  it('lets a call show after five seconds whether it is over, and closes with the first that goes well', () => {
    const breaker = opened();
    expect([4_999, 5_000].map((now) => breaker.state(now))).toEqual(['open', 'half_open']);
    expect(breaker.note(false, 5_000, 5_100)).toBe('closed');
    expect(breaker.state(5_100)).toBe('closed');
  });

  it('waits twice as long after each that goes wrong, up to half a minute', () => {
    const breaker = opened();
    let now = 0;
    for (const pause of [5, 10, 20, 30, 30]) {
      expect(breaker.state(now + pause * SECOND - 1)).toBe('open');
      now += pause * SECOND;
      expect(breaker.state(now)).toBe('half_open');
      breaker.note(true, now, now);
    }
    breaker.note(false, now + 1, now + 1);
    for (let call = 1; call <= 5; call += 1) breaker.note(true, now + 2, now + 2);
    expect(breaker.state(now + 2 + 5 * SECOND)).toBe('half_open');
  });

  it('learns nothing from calls that began before it opened', () => {
    const breaker = opened();
    expect(breaker.note(false, -1, 1_000)).toBeUndefined();
    expect(breaker.note(true, -1, 5_500)).toBeUndefined();
    expect(breaker.state(1_000)).toBe('open');
    expect(breaker.state(5_500)).toBe('half_open');
  });

  it('closes when what had nowhere else to go is taken meanwhile', () => {
    const breaker = opened();
    expect(breaker.note(true, 1_000, 1_100)).toBeUndefined();
    expect(breaker.state(5_000)).toBe('half_open');
    expect(breaker.note(false, 1_000, 1_200)).toBe('closed');
  });
});
