import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Logger } from '../logger.js';
import type { ProviderLanes } from './provider-lanes.js';
import type { SendClaim } from './send-claim.js';
import type { SendDispatch } from './send-dispatch.js';
import { Sender } from './sender.js';

const POLL = 5_000;

/** A sender, what it asks for, and when something is due: in so many milliseconds, by the provider's lanes and by all. */
function aSender() {
  const asked: string[] = [];
  const due: { next: number | undefined; first: number | undefined } = { next: undefined, first: undefined };
  const claim = {
    take: async () => (asked.push('take'), []),
    nextDue: async () => (asked.push('nextDue'), due.next),
    firstDue: async () => (asked.push('firstDue'), due.first),
  };
  const lanes = { start: () => undefined, stop: async () => undefined };
  const sender = new Sender(
    { warn: () => undefined } as unknown as Logger,
    claim as unknown as SendClaim,
    lanes as unknown as ProviderLanes,
    {} as SendDispatch,
  );
  return { sender, asked, due };
}

describe('a sender', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('with nothing to do asks one thing in five seconds', async () => {
    const { sender, asked } = aSender();
    sender.start();
    await jest.advanceTimersByTimeAsync(10 * POLL);
    await sender.stop(new AbortController().signal);
    expect(asked).toEqual(['take', 'nextDue', ...new Array<string>(10).fill('firstDue')]);
  });

  it('claims within five seconds what it was not woken for', async () => {
    const { sender, asked, due } = aSender();
    sender.start();
    await jest.advanceTimersByTimeAsync(POLL / 2);
    due.first = 0;
    asked.splice(0);
    await jest.advanceTimersByTimeAsync(POLL / 2);
    expect(asked.slice(0, 2)).toEqual(['firstDue', 'take']);
    await sender.stop(new AbortController().signal);
  });

  it('claims when that is due which it knows of, and at once when it is woken', async () => {
    const { sender, asked, due } = aSender();
    due.next = 700;
    sender.start();
    await jest.advanceTimersByTimeAsync(699);
    expect(asked).toEqual(['take', 'nextDue']);
    due.next = undefined;
    await jest.advanceTimersByTimeAsync(1);
    expect(asked.slice(2)).toEqual(['take', 'nextDue']);
    asked.splice(0);
    sender.wake();
    await jest.advanceTimersByTimeAsync(0);
    expect(asked[0]).toBe('take');
    await sender.stop(new AbortController().signal);
  });
});
