/** One statement takes no more: a batch should not hold up the answers of a turn that came after it. */
const LARGEST = 200;
/** While one batch is being committed the next one is on its way; more at a time only makes them smaller. */
const IN_FLIGHT = 2;

/** So long a row may wait for its turn; then its caller is told to come back, while there is still time to be told. */
const PATIENCE = 1_500;

interface Waiting<R, T> {
  readonly row: R;
  /** By the monotonic clock. */
  readonly since: number;
  readonly resolve: (answer: T) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers what arrives in one turn of the event loop into one insert. Nobody waits for company: an idle service inserts
 * at once, a busy one inserts more at a time. A row that the database refuses fails alone.
 */
export class Inserts<R extends object, T> {
  readonly #waiting: Waiting<R, T>[] = [];
  #inFlight = 0;
  #scheduled = false;
  #patience: NodeJS.Timeout | undefined;

  /**
   * @param insert writes rows in one commit, or none of them where it throws; gives one answer for each, in their order
   * @param isTheirs whether an error speaks of the rows rather than of the server; then each is tried by itself
   * @param tooBusy what is thrown for a row whose turn did not come
   */
  constructor(
    private readonly insert: (rows: readonly R[]) => Promise<readonly T[]>,
    private readonly isTheirs: (error: unknown) => boolean,
    private readonly tooBusy: () => Error,
  ) {}

  /** Gives the row's own answer when it is committed. @throws what the database said of it, or that it is too busy */
  add(row: R): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({ row, since: performance.now(), resolve, reject });
    this.#patience ??= setTimeout(() => this.#sendAway(), PATIENCE).unref();
    this.#schedule();
    return promise;
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight >= IN_FLIGHT || this.#waiting.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      void this.#flush(this.#waiting.splice(0, LARGEST));
    });
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
    this.#inFlight += 1;
    this.#schedule();
    try {
      const answers = await this.insert(batch.map(({ row }) => row));
      for (const [index, { resolve }] of batch.entries()) resolve(answers[index] as T);
    } catch (error) {
      if (batch.length > 1 && this.isTheirs(error)) await Promise.all(batch.map((one) => this.#alone(one)));
      else for (const { reject } of batch) reject(error);
    } finally {
      this.#inFlight -= 1;
      this.#schedule();
    }
  }

  async #alone({ row, resolve, reject }: Waiting<R, T>): Promise<void> {
    await this.insert([row]).then(([answer]) => resolve(answer as T), reject);
  }
}
