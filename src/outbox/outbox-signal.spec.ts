import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { pino } from 'pino';
import type { Database } from '../database/index.js';
import { OutboxSignal } from './outbox-signal.js';

describe('the signal to the relay of another process', () => {
  /** When a NOTIFY was sent, in milliseconds. */
  let sent: number[];
  let signal: OutboxSignal;

  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    sent = [];
    const database = { query: async () => (sent.push(Date.now()), []) } as Partial<Database> as Database;
    signal = new OutboxSignal(database, pino({ level: 'silent' }));
  });

  afterEach(() => void jest.useRealTimers());

  function notifyAt(...times: number[]): void {
    for (const time of times) {
      jest.advanceTimersByTime(time - Date.now());
      signal.notify();
    }
    jest.advanceTimersByTime(1_000);
  }

  it('is sent at once after a quiet time', () => {
    notifyAt(0, 500, 521);
    expect(sent).toEqual([0, 500, 521]);
  });

  it('is sent once more for all that came within 20 ms of one, so that none is lost', () => {
    notifyAt(0, 1, 5, 19);
    expect(sent).toEqual([0, 20]);
  });

  it('is sent at most once in 20 ms, however much comes', () => {
    notifyAt(...Array.from({ length: 1_000 }, (_, n) => Math.floor(n / 10)));
    expect(sent).toEqual([0, 20, 40, 60, 80, 100]);
  });

  it('is not sent where the relay leads in this process', () => {
    const listener = jest.fn();
    signal.listen(listener);
    notifyAt(0, 1, 2);
    expect(listener).toHaveBeenCalledTimes(3);
    expect(sent).toEqual([]);
  });
});
