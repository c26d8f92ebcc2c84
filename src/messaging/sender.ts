import { Inject, Injectable } from '@nestjs/common';
import { secretPhone } from '../agreement/index.js';
import { CONFIG, type Config } from '../config.js';
import { Database } from '../database/index.js';
import { failpoint } from '../failpoint.js';
import { type DueSend, SendLimits } from '../limits/index.js';
import { LOGGER, type Logger } from '../logger.js';
import { CLAIM, DUE, NEXT_DUE } from './send.sql.js';
import { SendDispatch } from './send-dispatch.js';
import type { ClaimedSend } from './send-record.js';
import { SMS_GATEWAY, type SmsGateway } from './sms/sms-gateway.js';

/** The lease is longer than a try can take, so that two senders never work on one. */
const LEASE_MARGIN = 15_000;
const BATCH = 100;
/** Nothing due waits longer than this because a wake-up was lost. */
const POLL = 5_000;
const PAUSE_AFTER_FAILURE = 500;

/** A send that is due, as the statement gives it. */
type DueRow = Omit<DueSend, 'contact'> & { contact: string | null; wanted: boolean; taken: boolean };

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
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(SMS_GATEWAY) private readonly gateway: SmsGateway,
    private readonly database: Database,
    private readonly limits: SendLimits,
    private readonly dispatch: SendDispatch,
  ) {}

  start(): void {
    this.#stopped = false;
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
  }

  /** Something may be due. */
  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#woken = false;
      const wait = await this.#claim().catch((error: unknown) => {
        this.logger.warn({ reason: String(error) }, 'sender cannot claim; the sends wait');
        return PAUSE_AFTER_FAILURE;
      });
      await this.#idle(wait);
    }
  }

  /** Claims what is due and fits; gives how many milliseconds there is nothing more to do. */
  async #claim(): Promise<number> {
    const free = Math.min(BATCH, this.config.sms.concurrency - this.#inFlight.size);
    if (free <= 0) return POLL;
    const asked = performance.now();
    const claimed = await this.#take(free);
    if (claimed.length > 0) failpoint('sender.claimed');
    for (const send of claimed) this.#carryOut(send, asked);
    if (claimed.length === free) return 0;
    const [next] = await this.database.query<{ wait: number }>(NEXT_DUE, []);
    return Math.min(POLL, Math.max(0, next?.wait ?? POLL));
  }

  /** Claims up to so many; those that a limit stands against too, so that they are closed like any other. */
  #take(free: number): Promise<ClaimedSend[]> {
    const lease = (this.config.sms.timeout + LEASE_MARGIN) / 1000;
    return this.database.transaction(async (query) => {
      const due = await query<DueRow>(DUE, [free]);
      if (due.length === 0) return [];
      const waiting = due.filter(({ taken }) => !taken).map(asDue);
      const refused = await this.limits.take(
        query,
        waiting.filter(({ wanted }) => wanted),
      );
      await this.limits.giveUp(
        query,
        waiting.filter(({ wanted }) => !wanted),
      );
      const [references, generations] = [
        due.map(({ reference }) => reference),
        due.map(({ generation }) => generation),
      ];
      const claimed = await query<ClaimedSend>(CLAIM, [references, lease, this.gateway.name, generations]);
      failpoint('sender.taken');
      const limits = new Map([...refused].map(([send, limit]) => [nameOf(send), limit]));
      return claimed.map((send) => ({ ...send, limit: limits.get(nameOf(send)) ?? null }));
    });
  }

  #carryOut(send: ClaimedSend, claimedAt: number): void {
    const work = this.dispatch
      .dispatch(send, claimedAt, this.#cut.signal)
      .then((wait) => {
        if (wait !== null && wait < POLL) setTimeout(() => this.wake(), wait).unref();
      })
      .catch((error: unknown) => {
        const { reference, generation, try: tries } = send;
        const what = { reference, generation, try: tries, provider: this.gateway.name, reason: String(error) };
        this.logger.error(what, 'send interrupted; its lease brings it back');
      })
      .finally(() => {
        this.#inFlight.delete(work);
        if (this.#inFlight.size === this.config.sms.concurrency - 1) this.wake();
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

function asDue(row: DueRow): DueSend & { readonly wanted: boolean } {
  return { ...row, contact: row.contact === null ? null : secretPhone(row.contact) };
}

function nameOf({ reference, generation }: Pick<DueSend, 'reference' | 'generation'>): string {
  return `${reference}/${generation}`;
}
