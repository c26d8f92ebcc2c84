import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { Metrics } from '../metrics.js';

const PING_TIMEOUT = 1_000;

/** What the service is still waiting for, or that it is going down. */
@Injectable()
export class Health {
  readonly #waitingFor = new Set<string>();
  #stopping = false;

  constructor(
    private readonly database: Database,
    metrics: Metrics,
  ) {
    const { databaseUp, ready } = metrics;
    metrics.atScrape([databaseUp, ready], async () => {
      const up = await this.#databaseAnswers();
      databaseUp.set(up ? 1 : 0);
      ready.set(up && !this.#stopping && this.#waitingFor.size === 0 ? 1 : 0);
    });
  }

  /** The service is not ready before `what` has been reached for the first time. */
  waitFor(what: string): void {
    this.#waitingFor.add(what);
  }

  reached(what: string): void {
    this.#waitingFor.delete(what);
  }

  stop(): void {
    this.#stopping = true;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Why no requests should be sent here now; empty when they should. */
  async notReady(): Promise<string[]> {
    if (this.#stopping) return ['stopping'];
    if (this.#waitingFor.size > 0) return [...this.#waitingFor];
    return (await this.#databaseAnswers()) ? [] : ['database'];
  }

  async #databaseAnswers(): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), PING_TIMEOUT);
    const ping = this.database.query({ name: 'ping', text: 'SELECT 1 AS ok' }, []).then(
      () => true,
      () => false,
    );
    const answers = await Promise.race([ping, late]);
    clearTimeout(timer);
    return answers;
  }
}
