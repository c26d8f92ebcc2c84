/** Something whose time runs, held on to only as long as it does. */
export class Deadline<T> {
  #item: T | undefined;
  /** By the monotonic clock. */
  readonly since = performance.now();

  constructor(item: T) {
    this.#item = item;
  }

  /** Undefined once it is over. */
  get item(): T | undefined {
    return this.#item;
  }

  /** It is over, in time or not. */
  end(): void {
    this.#item = undefined;
  }
}

/**
 * Things that must be over within one and the same time, and what is done to those that are not. There is one timer for
 * all of them: what was added first is due first.
 *
 * A line and not a Map: V8 gives a Map that is added to and deleted from a new table every few entries, and each table that
 * was left behind keeps what was in it, and the next table, alive until the next full collection. Of requests that was all
 * that hung on them: 6 KB each outlived the young generation, and its collections took 10 ms instead of 3.
 */
export class Deadlines<T> {
  /** Begun in this order; those that are over leave it when they are looked at. */
  #line: Deadline<T>[] = [];
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
  begin(item: T): Deadline<T> {
    const deadline = new Deadline(item);
    this.#line.push(deadline);
    this.#timer ??= this.#lookAfter(this.limit);
    return deadline;
  }

  #lookAfter(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), milliseconds).unref();
  }

  #look(): void {
    this.#timer = undefined;
    const now = performance.now();
    const waits = this.#line.findIndex(({ item, since }) => item !== undefined && since + this.limit > now);
    const done = this.#line.splice(0, waits === -1 ? this.#line.length : waits);
    const [first] = this.#line;
    if (first) this.#timer = this.#lookAfter(first.since + this.limit - now);
    for (const { item } of done) if (item !== undefined) this.overdue(item);
  }
}
