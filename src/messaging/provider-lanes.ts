import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { LOGGER, type Logger } from '../logger.js';
import { Metrics } from '../metrics.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { GATEWAYS, type SmsGateway, type SmsOutcome } from './sms/sms-gateway.js';

/** What was not sent for a reason of ours: the time was over, or we are to send no more than so much. */
const OUR_REASONS: readonly string[] = ['late', 'busy'];

/** A call that a provider has room for. */
export interface Place {
  leave(): void;
}

/** A gateway with the calls that it has in hand: as many as it may have, and who takes none holds up nobody else's. */
class Lane {
  readonly breaker = new CircuitBreaker();
  #taken = 0;
  /** The one call that is to show whether the provider is back. */
  #probe: Place | undefined;

  constructor(
    readonly gateway: SmsGateway,
    private readonly places: number,
  ) {}

  get free(): number {
    return this.places - this.#taken;
  }

  isAvoided(now: number): boolean {
    const state = this.breaker.state(now);
    return state === 'open' || (state === 'half_open' && this.#probe !== undefined);
  }

  take(now: number, onFreed: () => void): Place {
    const place: Place = {
      leave: () => {
        if (this.#probe === place) this.#probe = undefined;
        if (this.#taken-- === this.places) onFreed();
      },
    };
    this.#taken += 1;
    if (this.breaker.state(now) === 'half_open') this.#probe ??= place;
    return place;
  }
}

/** The gateways in use, how busy each is in this process, and which of them are in trouble. */
@Injectable()
export class ProviderLanes {
  readonly #lanes: ReadonlyMap<string, Lane>;
  #running = false;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(GATEWAYS) gateways: ReadonlyMap<string, SmsGateway>,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly metrics: Metrics,
  ) {
    this.#lanes = new Map([...gateways].map(([name, gateway]) => [name, new Lane(gateway, config.sms.concurrency)]));
  }

  get names(): string[] {
    return [...this.#lanes.keys()];
  }

  /** Before the first call. */
  start(): void {
    this.#running = true;
    for (const [provider, { gateway }] of this.#lanes) {
      this.metrics.providerAvoided.set({ provider }, 0);
      gateway.start?.();
    }
  }

  /** After the last call. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    await Promise.all([...this.#lanes.values()].map(async ({ gateway }) => gateway.stop?.()));
  }

  /** Undefined where there is no such gateway. */
  gateway(provider: string): SmsGateway | undefined {
    return this.#lanes.get(provider)?.gateway;
  }

  /** How many more calls it may have now. */
  free(provider: string): number {
    return this.#lanes.get(provider)?.free ?? 0;
  }

  /** Whether what may as well go elsewhere should. */
  isAvoided(provider: string): boolean {
    return this.#lanes.get(provider)?.isAvoided(performance.now()) ?? false;
  }

  /** @param onFreed called when the place is left again and it was the last free one; undefined where there is no such gateway */
  take(provider: string, onFreed: () => void): Place | undefined {
    return this.#lanes.get(provider)?.take(performance.now(), onFreed);
  }

  /**
   * A call has ended. That a provider has no time now and says when it has, or that it refuses a text, is no trouble.
   * @param startedAt by `performance.now()`
   */
  note(provider: string, outcome: SmsOutcome, startedAt: number): void {
    if ('reason' in outcome && OUR_REASONS.includes(outcome.reason)) return;
    const failed = outcome.kind === 'unknown' || (outcome.kind === 'try_later' && outcome.retryAfter === null);
    const change = this.#lanes.get(provider)?.breaker.note(failed, startedAt, performance.now());
    if (change === undefined) return;
    this.metrics.providerAvoided.set({ provider }, change === 'opened' ? 1 : 0);
    if (change === 'opened')
      this.logger.warn({ provider }, 'provider in trouble; what can go to the next one goes there');
    else this.logger.info({ provider }, 'provider works again');
  }
}
