/**
 * Things that must be over within one and the same time, and what is done to those that are not. There is one timer for
 * all of them: what was added first is due first.
 */
export class Deadlines<T> {
  readonly #since = new Map<T, number>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param limit milliseconds, by the monotonic clock
   * @param overdue must not throw
   */
  constructor(
    private readonly limit: number,
    private readonly overdue: (item: T) => void,
  ) {}

  /** Its time begins now. */
  add(item: T): void {
    this.#since.set(item, performance.now());
    this.#timer ??= this.#lookAfter(this.limit);
  }

  /** It is over. */
  delete(item: T): void {
    this.#since.delete(item);
  }

  #lookAfter(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), milliseconds).unref();
  }

  #look(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const [item, since] of this.#since) {
      const left = since + this.limit - now;
      if (left > 0) {
        this.#timer = this.#lookAfter(left);
        return;
      }
      this.#since.delete(item);
      this.overdue(item);
    }
  }
}
