/** So many requests are always taken in hand, slow ones too: a start and an idle service have no past to judge by. */
const FLOOR = 200;
/**
 * Seconds of work that may be in hand, at the pace of the last second; by Little's law whoever is let in waits about so
 * long, which leaves room below a second for a pace that falls meanwhile.
 */
const BACKLOG = 0.25;
/** Milliseconds. A burst that is over by then is no overload, whatever its size. */
const GRACE = 100;

/** Milliseconds. The pace is counted in steps of it over a second. */
const STEP = 100;
const STEPS = 10;

/**
 * Judges whether more work comes than gets done. Times are milliseconds of the monotonic clock, and never go back.
 */
export class Congestion {
  #inHand = 0;
  /** Completions by step, as a ring. */
  readonly #done = new Array<number>(STEPS).fill(0);
  #step = 0;
  /** Over all steps: completions of the last second. */
  #pace = 0;
  /** Since when there is more in hand than there should be. */
  #since: number | undefined;
  #refusing = false;

  /** A request's work begins. */
  begin(): void {
    this.#inHand += 1;
  }

  /** It is over. @param done false where it came to nothing, which is no pace */
  end(now: number, done: boolean): void {
    this.#inHand -= 1;
    if (!done) return;
    this.#turnTo(now);
    this.#done[this.#step % STEPS] = (this.#done[this.#step % STEPS] ?? 0) + 1;
    this.#pace += 1;
  }

  /**
   * Whether one more should be refused.
   * @param share of the room that may be full for it to be taken; work that others wait for has more than 1
   */
  refuses(now: number, share: number): boolean {
    this.#turnTo(now);
    const room = Math.max(FLOOR, this.#pace * BACKLOG);
    if (this.#inHand >= room) {
      this.#since ??= now;
      if (now - this.#since >= GRACE) this.#refusing = true;
    } else if (!this.#refusing || this.#inHand < room / 2) {
      // Once it refuses not at once below the room, or every place that is left would begin a new time of grace.
      this.#since = undefined;
      this.#refusing = false;
    }
    return this.#refusing && this.#inHand >= room * share;
  }

  /** Forgets what lies a second back. */
  #turnTo(now: number): void {
    const step = Math.floor(now / STEP);
    const passed = Math.min(step - this.#step, STEPS);
    for (let back = 0; back < passed; back += 1) {
      const slot = (step - back) % STEPS;
      this.#pace -= this.#done[slot] ?? 0;
      this.#done[slot] = 0;
    }
    this.#step = step;
  }
}
