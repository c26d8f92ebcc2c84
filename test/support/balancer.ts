import { setTimeout as delay } from 'node:timers/promises';
import type { Answer } from './api.js';
import type { ServiceProcess } from './process.js';
import { until } from './until.js';

const CHECK_EVERY = 100;

/** Sends each request to the next instance that was ready when it was asked last, as a load balancer does. */
export class Balancer {
  /** Requests that got no answer, or one of 5xx. */
  readonly failed: string[] = [];
  requests = 0;
  readonly #ready = new Set<ServiceProcess>();
  readonly #checks = new Map<ServiceProcess, Promise<void>>();
  #next = 0;

  /** Begins to check an instance, until it has ended. */
  add(instance: ServiceProcess): void {
    this.#checks.set(instance, this.#check(instance));
  }

  /** Whether requests may go to this instance. */
  serves(instance: ServiceProcess): boolean {
    return this.#ready.has(instance);
  }

  /** Waits until the checks of the instances that have ended are over. */
  async ended(): Promise<void> {
    await Promise.all(this.#checks.values());
  }

  async request(method: string, path: string, body?: unknown): Promise<Answer | undefined> {
    this.requests += 1;
    try {
      const instance = await until('an instance is ready', () => this.#nextReady());
      const answer = await instance.api.request(method, path, body);
      if (answer.status < 500) return answer;
      this.failed.push(`${method}: ${answer.status} ${JSON.stringify(answer.body)}`);
    } catch (error) {
      this.failed.push(`${method}: ${String(error)} ${String((error as Error).cause)}`);
    }
    return undefined;
  }

  #nextReady(): ServiceProcess | undefined {
    const ready = [...this.#ready];
    return ready[(this.#next += 1) % ready.length];
  }

  async #check(instance: ServiceProcess): Promise<void> {
    while (instance.isRunning) {
      const ready = await instance.api.get('/health/ready').then(
        ({ status }) => status === 200,
        () => false,
      );
      if (ready) this.#ready.add(instance);
      else this.#ready.delete(instance);
      await delay(CHECK_EVERY);
    }
    this.#ready.delete(instance);
  }
}
