import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Api } from './api.js';
import { killIfThere } from './process-list.js';
import { until } from './until.js';

const READY_WITHIN = 20_000;
const END_WITHIN = 20_000;

/** How a process ended: by itself with a code, or by a signal. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The service as the operating system knows it. */
export class ServiceProcess {
  readonly api: Api;
  /** Resolves when it is gone and everything that it said is here. */
  readonly ended: Promise<Ending>;
  #stdout = '';
  #stderr = '';

  /**
   * @param url where it will listen
   * @param leadsGroup whether its process group is its own
   */
  constructor(
    private readonly child: ChildProcess,
    readonly url: string,
    private readonly leadsGroup: boolean,
  ) {
    this.api = new Api(url);
    child.stdout?.on('data', (data) => (this.#stdout += String(data)));
    child.stderr?.on('data', (data) => (this.#stderr += String(data)));
    this.ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Everything that it has said so far. */
  get output(): string {
    return this.#stdout + this.#stderr;
  }

  /** Its log so far. */
  get log(): Record<string, unknown>[] {
    const lines = this.#stdout.split('\n').slice(0, -1);
    return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Waits until it takes requests, ready or not. */
  async listens(): Promise<this> {
    await this.#until('it listens', async () => (await this.api.get('/health/live')).status === 200, READY_WITHIN);
    return this;
  }

  /** Waits until it is ready. */
  async ready(within = READY_WITHIN): Promise<this> {
    await this.#until('it is ready', async () => (await this.api.get('/health/ready')).status === 200, within);
    return this;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.leadsGroup) process.kill(-(this.child.pid ?? 0), signal);
    else this.child.kill(signal);
  }

  /** Sends a signal, to the whole group where it leads one, and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ending> {
    this.signal(signal);
    return this.end();
  }

  /** Waits until it has ended. */
  async end(within = END_WITHIN): Promise<Ending> {
    await until('the process has ended', () => !this.isRunning, within).catch((error: unknown) => {
      throw new Error(`still running; it said:\n${this.output}`, { cause: error });
    });
    return this.ended;
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    killIfThere(this.leadsGroup ? -(this.child.pid ?? 0) : (this.child.pid ?? 0));
    await this.ended;
  }

  /** @throws with its output where it ends instead, or where that takes too long */
  async #until(what: string, condition: () => Promise<boolean>, within: number): Promise<void> {
    await until(what, async () => !this.isRunning || (await condition()), within).catch((error: unknown) => {
      throw new Error(`not ${what}; it said:\n${this.output}`, { cause: error });
    });
    if (!this.isRunning) throw new Error(`the service has ended; it said:\n${this.output}`);
  }
}
