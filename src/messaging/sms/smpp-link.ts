import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../logger.js';
import { NotBound, type SmppSession } from './smpp-session.js';

const FIRST_PAUSE = 200;
/** An SMSC that comes back is found within the time of a text's try. */
const LONGEST_PAUSE = 10_000;
/** One that refuses us may lock an account that tries too often. */
const LONGEST_AFTER_REFUSAL = 30_000;
/** A session that lasted so long was a good one: after it the first pause is short again. */
const GOOD = 5_000;

/** Keeps one session with an SMSC, and makes another when it ends, until it is stopped. */
export class SmppLink {
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #session: SmppSession | undefined;
  #isDown = false;
  #failures = 0;
  #told: string | undefined;

  /** @param onBound there is a session to use */
  constructor(
    private readonly open: (stop: AbortSignal) => Promise<SmppSession>,
    private readonly onBound: () => void,
    private readonly logger: Logger,
  ) {}

  get session(): SmppSession | undefined {
    return this.#session;
  }

  /** There is no session, and the last attempt to make one failed. */
  get isDown(): boolean {
    return this.#isDown;
  }

  start(): void {
    if (!this.#stopping.signal.aborted) this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#session?.unbind();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const refused = await this.#once();
      if (signal.aborted) return;
      const longest = refused ? LONGEST_AFTER_REFUSAL : LONGEST_PAUSE;
      const pause = Math.min(longest, FIRST_PAUSE * 2 ** Math.min(this.#failures, 10));
      this.#failures += 1;
      // Not many processes in step after the restart of an SMSC.
      await delay(randomInt(pause / 2, pause + 1), undefined, { signal }).catch(() => undefined);
    }
  }

  /** One session from its beginning to its end. @returns whether the SMSC has refused us */
  async #once(): Promise<boolean> {
    try {
      const session = await this.open(this.#stopping.signal);
      const since = performance.now();
      if (this.#stopping.signal.aborted) {
        await session.unbind();
        return false;
      }
      this.#session = session;
      this.#isDown = false;
      this.logger.info({ provider: 'smpp' }, 'bound to the SMSC');
      this.#told = undefined;
      this.onBound();
      const reason = await session.closed;
      this.#session = undefined;
      if (performance.now() - since >= GOOD) this.#failures = 0;
      if (!this.#stopping.signal.aborted) this.#tell(reason);
      return false;
    } catch (error) {
      this.#isDown = true;
      if (this.#stopping.signal.aborted) return false;
      this.#tell(error instanceof NotBound ? error.reason : String(error));
      return error instanceof NotBound && error.refused;
    }
  }

  /** Once for each reason: it is tried again and again. */
  #tell(reason: string): void {
    if (reason !== this.#told) this.logger.warn({ provider: 'smpp', reason }, 'no session with the SMSC; trying again');
    this.#told = reason;
  }
}
