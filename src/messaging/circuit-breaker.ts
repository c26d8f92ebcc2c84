/** So many of the last calls are looked at, and so many failures among them open the breaker. */
const CALLS = 10;
const FAILURES = 5;
/** Milliseconds until a call shows whether the provider is back; twice as long after each that shows it is not. */
const FIRST_PAUSE = 5_000;
const LONGEST_PAUSE = 30_000;

/**
 * Tells whether a provider is in trouble, from how its calls ended. Times by `performance.now()`: a clock that is set
 * holds nothing open. It stops no call: what has nowhere else to go is tried all the same, and counts here.
 */
export class CircuitBreaker {
  #failures: boolean[] = [];
  #openedAt: number | undefined;
  #pause = FIRST_PAUSE;

  /** `half_open`: one call may show whether it is over. */
  state(now: number): 'closed' | 'open' | 'half_open' {
    if (this.#openedAt === undefined) return 'closed';
    return now < this.#openedAt + this.#pause ? 'open' : 'half_open';
  }

  /**
   * A call has ended.
   * @param startedAt of what began before the breaker opened nothing is learnt after it
   * @returns whether that has opened or closed it
   */
  note(failed: boolean, startedAt: number, now: number): 'opened' | 'closed' | undefined {
    if (this.#openedAt === undefined) return this.#noteClosed(failed, now);
    if (startedAt < this.#openedAt) return undefined;
    if (!failed) {
      this.#openedAt = undefined;
      this.#pause = FIRST_PAUSE;
      return 'closed';
    }
    if (startedAt < this.#openedAt + this.#pause) return undefined;
    this.#openedAt = now;
    this.#pause = Math.min(LONGEST_PAUSE, 2 * this.#pause);
    return undefined;
  }

  #noteClosed(failed: boolean, now: number): 'opened' | undefined {
    this.#failures = [...this.#failures, failed].slice(-CALLS);
    if (this.#failures.filter(Boolean).length < FAILURES) return undefined;
    this.#failures = [];
    this.#openedAt = now;
    return 'opened';
  }
}
