import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pin } from './machine.js';

const LOOK_EVERY = 50;

/** The texts that came, in their order. */
export interface Arrivals {
  /** Whom they were for. */
  readonly to: readonly string[];
  /** When, in milliseconds of `process.hrtime`, which all processes share. */
  readonly at: readonly number[];
}

/** A provider for the service's `http` gateway, in a process of its own. */
export class BenchProvider {
  private constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
  ) {}

  /** @param wait milliseconds until it answers @param core where it runs; none leaves it to the scheduler */
  static async start(wait: number, core: number | undefined): Promise<BenchProvider> {
    const child = fork(fileURLToPath(new URL('provider-process.js', import.meta.url)), [String(wait)]);
    const [port] = (await once(child, 'message')) as [number];
    if (core !== undefined && child.pid !== undefined) await pin(child.pid, core);
    return new BenchProvider(child, port);
  }

  /** What a worker is told of it. */
  get settings(): Readonly<Record<string, string>> {
    return { SMS_PROVIDERS: 'http', SMS_HTTP_URL: `http://127.0.0.1:${this.port}/`, SMS_HTTP_TOKEN: 'bench' };
  }

  /**
   * Waits until so many texts are there, and gives them; then begins anew.
   * @throws where they do not come within so many milliseconds, or more come
   */
  async take(count: number, within: number): Promise<Arrivals> {
    const deadline = performance.now() + within;
    while ((await this.#ask<number>('count')) < count && performance.now() < deadline) await delay(LOOK_EVERY);
    const arrivals = await this.#ask<Arrivals>('take');
    const different = new Set(arrivals.to).size;
    if (different === count && arrivals.to.length === count) return arrivals;
    throw new Error(`void: ${arrivals.to.length} texts for ${different} people came, not one for each of ${count}`);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill();
    await exited;
  }

  async #ask<T>(order: 'count' | 'take'): Promise<T> {
    this.child.send(order);
    const [answer] = (await once(this.child, 'message', { signal: AbortSignal.timeout(10_000) })) as [T];
    return answer;
  }
}
