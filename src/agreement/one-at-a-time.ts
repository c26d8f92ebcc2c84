import { AgreementError } from './agreement.errors.js';

/** So long a request waits for the one before it, in milliseconds: its caller is answered in less than two seconds. */
const PATIENCE = 1_000;
/** When to come back, in seconds. */
const COME_BACK = 1;

/** Lets what goes by one name run one after the other, in this process. */
export class OneAtATime {
  readonly #running = new Map<string, Promise<void>>();

  /** @throws AgreementError request_in_progress where its turn does not come in time; or whatever `work` throws */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    let patience: NodeJS.Timeout | undefined;
    for (let other = this.#running.get(name); other; other = this.#running.get(name)) {
      patience ??= setTimeout(() => {
        reject(new AgreementError({ code: 'request_in_progress', retryAfter: COME_BACK }));
      }, PATIENCE);
      await Promise.race([other, late]);
    }
    clearTimeout(patience);
    // Nothing is awaited between the last look and this, or two would find nobody before them.
    const mine = Promise.withResolvers<void>();
    this.#running.set(name, mine.promise);
    try {
      return await work();
    } finally {
      this.#running.delete(name);
      mine.resolve();
    }
  }
}
