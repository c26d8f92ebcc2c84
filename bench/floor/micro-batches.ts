/** One statement takes no more. */
const LARGEST = 200;
/** While one batch is being committed the next one is on its way. */
const IN_FLIGHT = 2;

interface Waiting<Row> {
  readonly row: Row;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** As little as gathers what arrives in one turn of the event loop: a bad row takes its neighbours with it. */
export class MicroBatches<Row> {
  readonly #waiting: Waiting<Row>[] = [];
  #inFlight = 0;
  #scheduled = false;

  constructor(private readonly write: (rows: readonly Row[]) => Promise<unknown>) {}

  add(row: Row): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ row, resolve, reject });
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

  async #flush(batch: readonly Waiting<Row>[]): Promise<void> {
    this.#inFlight += 1;
    this.#schedule();
    try {
      await this.write(batch.map(({ row }) => row));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.#inFlight -= 1;
      this.#schedule();
    }
  }
}
