import { Inject, Injectable } from '@nestjs/common';
import { failpoint } from '../failpoint.js';
import { LOGGER, type Logger } from '../logger.js';
import { ProviderLanes } from './provider-lanes.js';
import { SendClaim, type SendInHand } from './send-claim.js';
import { SendDispatch } from './send-dispatch.js';

/** Nothing due waits longer than this because a wake-up was lost. */
const POLL = 5_000;
const PAUSE_AFTER_FAILURE = 500;

/** Claims due sends and has them carried out, so many at once that a slow provider holds up nothing but itself. */
@Injectable()
export class Sender {
  readonly #inFlight = new Set<Promise<void>>();
  readonly #cut = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #stopped = true;
  #woken = false;
  #wake: () => void = () => undefined;

  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly claim: SendClaim,
    private readonly lanes: ProviderLanes,
    private readonly dispatch: SendDispatch,
  ) {}

  start(): void {
    this.#stopped = false;
    this.lanes.start();
    this.#running = this.#run();
  }

  /**
   * Takes no more sends and waits for those in hand.
   * @param deadline ends the calls that are then still going on; they are tried again by whoever sends next
   */
  async stop(deadline: AbortSignal): Promise<void> {
    this.#stopped = true;
    this.wake();
    const cutOff = (): void => this.#cut.abort();
    deadline.addEventListener('abort', cutOff, { once: true });
    await this.#running;
    await Promise.all(this.#inFlight);
    deadline.removeEventListener('abort', cutOff);
    await this.lanes.stop();
  }

  /** Something may be due. */
  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    let expects = true;
    while (!this.#stopped) {
      this.#woken = false;
      const wait: number = await (expects ? this.#claim() : this.#look()).catch((error: unknown) => {
        this.logger.warn({ reason: String(error) }, 'sender cannot claim; the sends wait');
        return PAUSE_AFTER_FAILURE;
      });
      await this.#idle(wait);
      expects = this.#woken || wait < POLL;
    }
  }

  /** Claims what is due and fits; gives how many milliseconds there is nothing more to do. */
  async #claim(): Promise<number> {
    const asked = performance.now();
    const claimed = await this.claim.take(() => this.wake());
    if (claimed.length > 0) failpoint('sender.claimed');
    for (const inHand of claimed) this.#carryOut(inHand, asked);
    if (this.#woken) return 0;
    return Math.min(POLL, (await this.claim.nextDue()) ?? POLL);
  }

  /** In place of a claim where nobody has said that something is due (idle: one statement in 5 s, not five). */
  async #look(): Promise<number> {
    return Math.min(POLL, (await this.claim.firstDue()) ?? POLL);
  }

  #carryOut({ send, place }: SendInHand, claimedAt: number): void {
    const work = this.dispatch
      .dispatch(send, claimedAt, this.#cut.signal)
      .then((wait) => {
        if (wait !== null && wait < POLL) setTimeout(() => this.wake(), wait).unref();
      })
      .catch((error: unknown) => {
        const { reference, generation, try: tries, turn } = send;
        const provider = turn.kind === 'call' ? turn.provider : null;
        const what = { reference, generation, try: tries, provider, reason: String(error) };
        this.logger.error(what, 'send interrupted; its lease brings it back');
      })
      .finally(() => {
        this.#inFlight.delete(work);
        place?.leave();
      });
    this.#inFlight.add(work);
  }

  async #idle(milliseconds: number): Promise<void> {
    if (this.#woken || this.#stopped || milliseconds === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, milliseconds);
    await promise;
    clearTimeout(timer);
  }
}
