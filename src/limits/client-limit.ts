import { Inject, Injectable } from '@nestjs/common';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { CONFIG, type Config } from '../config.js';
import { LimitError } from './limit-error.js';
import type { Quota } from './quota.js';

/**
 * Creates of each client, counted in this process alone and in fixed windows: no money hangs on it, and a client with
 * several replicas before it gets as many times its share at most.
 */
@Injectable()
export class ClientLimit {
  readonly #limiters: readonly { readonly limiter: RateLimiterMemory; readonly max: number; readonly within: number }[];

  constructor(@Inject(CONFIG) { limits }: Config) {
    this.#limiters = limits.client.map(({ max, within }) => ({
      limiter: new RateLimiterMemory({ points: max, duration: within / 1000 }),
      max,
      within: within / 1000,
    }));
  }

  /** Whether there is such a limit. */
  get limited(): boolean {
    return this.#limiters.length > 0;
  }

  /** Counts one create less, where its window has not ended meanwhile. */
  async giveBack(client: string): Promise<void> {
    await Promise.all(
      this.#limiters.map(async ({ limiter }) => {
        const counted = await limiter.get(client);
        if (counted && counted.consumedPoints > 0) await limiter.reward(client);
      }),
    );
  }

  /**
   * Counts one create.
   * @returns what is left of it
   * @throws LimitError
   */
  async consume(client: string): Promise<Quota[]> {
    const found = await Promise.all(
      this.#limiters.map(async ({ limiter, max, within }) => {
        const { refused, result } = await limiter.consume(client).then(
          (result) => ({ refused: false, result }),
          (result: unknown) => ({ refused: true, result: asResult(result) }),
        );
        const reset = Math.max(1, Math.ceil(result.msBeforeNext / 1000));
        return {
          refused,
          quota: { policy: `client-${within}`, max, within, remaining: result.remainingPoints, reset },
        };
      }),
    );
    const quotas = found.map(({ quota }) => quota);
    const waits = found.filter(({ refused }) => refused).map(({ quota }) => quota.reset);
    if (waits.length > 0) throw new LimitError('client', Math.max(...waits), quotas);
    return quotas;
  }
}

function asResult(thrown: unknown): RateLimiterRes {
  if (thrown instanceof RateLimiterRes) return thrown;
  throw thrown;
}
