/** In seconds. A day of agreements in one statement would take longer than a statement may. */
const STRETCH = 3_600;
/** In milliseconds. */
const LOOK_AT_ALL_EVERY = 3_600_000;

/** Agreements made from so many to so many seconds ago. */
export type Stretch = readonly [from: number, to: number];

/**
 * Where a sweep looks that no index leads: at first and every hour at all that may still be pending, hour by hour; at the
 * other times where most of what it looks for is.
 */
export class Stretches {
  #lookedAtAll = -Infinity;

  /**
   * @param oldest how old a pending agreement may be, in seconds
   * @param lately where to look at the other times
   */
  constructor(
    private readonly oldest: number,
    private readonly lately: Stretch,
  ) {}

  /** Those of this time. They count as looked at once all have been taken. */
  *next(): Generator<Stretch, void> {
    const now = performance.now();
    if (now - this.#lookedAtAll < LOOK_AT_ALL_EVERY) {
      yield this.lately;
      return;
    }
    for (let from = this.oldest + STRETCH; from > 0; from -= STRETCH) yield [from, Math.max(0, from - STRETCH)];
    this.#lookedAtAll = now;
  }
}
