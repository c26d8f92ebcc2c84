import { isDeadlock, isTimeout } from './unavailable.js';

/** One statement takes no more: a batch should not hold up the answers of a turn that came after it. */
const LARGEST = 200;
/** While one batch is being committed the next ones are on their way. */
const IN_FLIGHT = 3;

/**
 * Behind a large batch a next one is worth its statement, which costs PostgreSQL half a millisecond more than its rows, once
 * it is half as large, and this at most. Sent whatever their size, batches of 1 and of 28 rows took turns under 32 callers,
 * and the process waited for a third of its time.
 */
const WORTHWHILE = 8;
/** Milliseconds. A batch that takes longer may be stuck, and what came after it does not wait for company. */
const STUCK_AFTER = 5;

/** So long a row may wait for its turn; then its caller is told to come back, while there is still time to be told. */
const PATIENCE = 1_500;

/** A statement that the server gave up so that another could go on is tried this often. */
const TRIES = 3;

interface Waiting<R, T> {
  readonly row: R;
  /** Undefined where rows have none. */
  readonly key: string | undefined;
  /** By the monotonic clock. */
  readonly since: number;
  readonly resolve: (answer: T) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers what arrives in one turn of the event loop into one statement. While little is to be done nobody waits for
 * company: an idle service sends at once, a busy one sends more at a time. A row that the database refuses fails alone.
 */
export class Batches<R, T> {
  #waiting: Waiting<R, T>[] = [];
  /** Of the rows that are on their way. */
  readonly #taken = new Set<string>();
  /** How many rows each batch has that is on its way. */
  readonly #inFlight: number[] = [];
  #scheduled = false;
  #hurry: NodeJS.Timeout | undefined;
  #patience: NodeJS.Timeout | undefined;

  /**
   * @param send writes or reads rows in one commit, or none of them where it throws; gives one answer for each, in their order
   * @param isTheirs whether an error speaks of the rows rather than of the server; then each is tried by itself
   * @param tooBusy what is thrown for a row whose turn did not come
   * @param keyOf what a row locks, for rows that lock something: of one key one row is on its way, the others wait for
   * it; and a batch is sorted by its keys, so that two of them, also of two processes, wait for each other in one order
   */
  constructor(
    private readonly send: (rows: readonly R[]) => Promise<readonly T[]>,
    private readonly isTheirs: (error: unknown) => boolean,
    private readonly tooBusy: () => Error,
    private readonly keyOf?: (row: R) => string,
  ) {}

  /** Gives the row's own answer when it is committed. @throws what the database said of it, or that it is too busy */
  add(row: R): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({ row, key: this.keyOf?.(row), since: performance.now(), resolve, reject });
    this.#patience ??= setTimeout(() => this.#sendAway(), PATIENCE).unref();
    this.#schedule();
    return promise;
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight.length >= IN_FLIGHT || this.#waiting.length === 0) return;
    const least = Math.min(WORTHWHILE, Math.max(0, ...this.#inFlight) / 2);
    if (this.#waiting.length < least) {
      this.#hurry ??= setTimeout(() => this.#sendNext(), STUCK_AFTER);
      return;
    }
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#sendNext();
    });
  }

  #sendNext(): void {
    clearTimeout(this.#hurry);
    this.#hurry = undefined;
    if (this.#inFlight.length >= IN_FLIGHT) return;
    const batch = this.#take();
    if (batch.length > 0) void this.#flush(batch);
  }

  /** The first in line, but for those whose key is on its way. */
  #take(): readonly Waiting<R, T>[] {
    if (!this.keyOf) return this.#waiting.splice(0, LARGEST);
    const batch: Waiting<R, T>[] = [];
    const others: Waiting<R, T>[] = [];
    for (const one of this.#waiting) {
      const { key = '' } = one;
      if (batch.length < LARGEST && !this.#taken.has(key)) {
        this.#taken.add(key);
        batch.push(one);
      } else others.push(one);
    }
    this.#waiting = others;
    return batch.sort(byKey);
  }

  /** A database that is stuck must not gather callers who all wait for it. */
  #sendAway(): void {
    const now = performance.now();
    const first = this.#waiting.findIndex(({ since }) => now - since < PATIENCE);
    const tired = this.#waiting.splice(0, first === -1 ? this.#waiting.length : first);
    for (const { reject } of tired) reject(this.tooBusy());
    const [next] = this.#waiting;
    this.#patience = next && setTimeout(() => this.#sendAway(), next.since + PATIENCE - now).unref();
  }

  async #flush(batch: readonly Waiting<R, T>[]): Promise<void> {
    this.#inFlight.push(batch.length);
    this.#schedule();
    try {
      const answers = await this.#sent(batch.map(({ row }) => row));
      for (const [index, { resolve }] of batch.entries()) resolve(answers[index] as T);
    } catch (error) {
      if (batch.length > 1 && this.#isOfOne(error)) await Promise.all(batch.map((one) => this.#alone(one)));
      else for (const { reject } of batch) reject(error);
    } finally {
      for (const { key } of batch) if (key !== undefined) this.#taken.delete(key);
      this.#inFlight.splice(this.#inFlight.indexOf(batch.length), 1);
      this.#schedule();
    }
  }

  /** Also where the batch waited too long: somebody may hold one of its rows, of which the others know nothing. */
  #isOfOne(error: unknown): boolean {
    return this.isTheirs(error) || (this.keyOf !== undefined && isTimeout(error));
  }

  async #alone({ row, resolve, reject }: Waiting<R, T>): Promise<void> {
    await this.#sent([row]).then(([answer]) => resolve(answer as T), reject);
  }

  /** What lost a deadlock left nothing behind, and whom it stood in the way of goes on meanwhile. */
  async #sent(rows: readonly R[]): Promise<readonly T[]> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.send(rows);
      } catch (error) {
        if (tries === TRIES || !isDeadlock(error)) throw error;
      }
    }
  }
}

function byKey({ key: one = '' }: { readonly key: string | undefined }, { key: other = '' }): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
