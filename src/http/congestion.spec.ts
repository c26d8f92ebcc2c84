import { beforeEach, describe, expect, it } from '@jest/globals';
import { Congestion } from './congestion.js';

const FLOOR = 200;
const CREATE = 1;
const OTHER = 2;

let congestion: Congestion;
beforeEach(() => {
  congestion = new Congestion();
});

const begin = (count: number): void => {
  for (let n = 0; n < count; n += 1) congestion.begin();
};
const end = (now: number, count: number, done = true): void => {
  for (let n = 0; n < count; n += 1) congestion.end(now, done);
};

/** A second, from `from` on, in which so many a second begin and end. */
function work(from: number, perSecond: number): number {
  for (let at = from; at < from + 1000; at += 10) {
    begin(perSecond / 100);
    end(at, perSecond / 100);
  }
  return from + 1000;
}

/** Asks a second long every 10 ms, and takes in hand what is not refused; gives how much was. */
function offer(from: number, perStep: number): number {
  let taken = 0;
  for (let at = from; at < from + 1000; at += 10) {
    for (let n = 0; n < perStep; n += 1) {
      if (congestion.refuses(at, CREATE)) continue;
      congestion.begin();
      taken += 1;
    }
  }
  return taken;
}

describe('what is in hand', () => {
  it('is no overload up to the floor, however long nothing gets done', () => {
    begin(FLOOR - 1);
    for (const now of [0, 100, 1_000, 100_000]) expect(congestion.refuses(now, CREATE)).toBe(false);
  });

  it('may be any number for a moment: a burst is taken', () => {
    begin(5_000);
    expect(congestion.refuses(1_000, CREATE)).toBe(false);
    expect(congestion.refuses(1_099, CREATE)).toBe(false);
  });

  it('is refused above the floor when it stays, while nothing gets done', () => {
    begin(FLOOR);
    expect(congestion.refuses(1_000, CREATE)).toBe(false);
    expect(congestion.refuses(1_100, CREATE)).toBe(true);
  });

  it('is bounded where nothing is ever done', () => {
    expect(offer(10_000, 10)).toBeLessThanOrEqual(FLOOR + 10 * 11);
    expect(offer(20_000, 10)).toBe(0);
  });

  it('may be a quarter of what a second gets done', () => {
    const now = work(50_000, 4_000);
    begin(999);
    expect(congestion.refuses(now, CREATE)).toBe(false);
    expect(congestion.refuses(now + 50, CREATE)).toBe(false);
    congestion.begin();
    congestion.refuses(now, CREATE);
    expect(congestion.refuses(now + 99, CREATE)).toBe(false);
  });

  it('is too much above it', () => {
    let now = work(50_000, 4_000);
    begin(1_500);
    congestion.refuses(now - 100, CREATE);
    expect(congestion.refuses(now, CREATE)).toBe(true);
    now += 10;
    end(now, 600);
    expect(congestion.refuses(now, CREATE)).toBe(false);
    begin(400);
    // No new time of grace: it was never down to half.
    expect(congestion.refuses(now, CREATE)).toBe(true);
  });
});

describe('an agreement that exists', () => {
  it('has twice the room of a new one', () => {
    begin(FLOOR);
    congestion.refuses(1_000, CREATE);
    expect(congestion.refuses(2_000, CREATE)).toBe(true);
    expect(congestion.refuses(2_000, OTHER)).toBe(false);
    begin(FLOOR);
    expect(congestion.refuses(2_000, OTHER)).toBe(true);
  });
});

describe('the pace', () => {
  it('is that of the last second: who has stopped is believed no longer', () => {
    const now = work(50_000, 8_000);
    begin(300);
    congestion.refuses(now, CREATE);
    expect(congestion.refuses(now + 100, CREATE)).toBe(false);
    congestion.refuses(now + 1_000, CREATE);
    expect(congestion.refuses(now + 1_100, CREATE)).toBe(true);
  });

  it('does not grow by what came to nothing', () => {
    begin(10_000);
    end(50_000, 9_700, false);
    congestion.refuses(50_000, CREATE);
    expect(congestion.refuses(50_100, CREATE)).toBe(true);
  });
});

describe('when a burst is over', () => {
  it('the next request is taken at once', () => {
    begin(5_000);
    congestion.refuses(1_000, CREATE);
    expect(congestion.refuses(1_500, CREATE)).toBe(true);
    end(1_600, 5_000);
    expect(congestion.refuses(1_600, CREATE)).toBe(false);
    begin(FLOOR);
    expect(congestion.refuses(1_650, CREATE)).toBe(false);
  });
});
