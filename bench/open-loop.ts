import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { pin } from './machine.js';

/** Creates that start at an even pace, whatever became of those before them, as callers do who do not know of each other. */
export interface OpenLoopOrder {
  /** With the path. */
  readonly url: string;
  /** Sent as a bearer token; null for none. */
  readonly key: string | null;
  /** The number of the first `requestBody`. */
  readonly first: number;
  readonly perSecond: number;
  readonly seconds: number;
  /** At one time, each kept; a request that finds none free waits for one, and its time runs. */
  readonly connections: number;
  /** How many of them are there before the first request; one that is dropped as it opens is tried again by TCP after 1 and 3 s. */
  readonly warm: number;
}

/** Milliseconds, from when a request was due, so that a server that stops also counts those who would have come meanwhile. */
export interface OpenLoopLatencies {
  readonly count: number;
  /** Answers while requests were offered, not those after it. */
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly most: number;
}

export interface OpenLoopResult {
  readonly requests: number;
  readonly answers: number;
  /** By status; `none` where a connection closed without an answer. */
  readonly statuses: Readonly<Record<string, OpenLoopLatencies>>;
  /** Answers with `Retry-After`. */
  readonly retryAfter: number;
  /** When request 0 was due; request n was n ÷ perSecond later. Milliseconds of `process.hrtime`, which all processes share. */
  readonly began: number;
  /** By how many milliseconds the generator itself was late at most. */
  readonly behind: number;
}

/** A generator of an open loop; a process of its own. */
export class OpenLoopGenerator {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @param core where it runs; none leaves it to the scheduler */
  static async start(core: number | undefined): Promise<OpenLoopGenerator> {
    const child = fork(fileURLToPath(new URL('open-loop-process.js', import.meta.url)), { stdio: 'inherit' });
    await once(child, 'spawn');
    if (core !== undefined && child.pid !== undefined) await pin(child.pid, core);
    return new OpenLoopGenerator(child);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** One order at a time. @throws where the process ends instead of answering */
  async offer(order: OpenLoopOrder): Promise<OpenLoopResult> {
    const stop = new AbortController();
    const { signal } = stop;
    const ended = (): never => {
      throw new Error('the generator of the open loop has ended');
    };
    if (!this.#child.connected) ended();
    try {
      this.#child.send(order);
      return await Promise.race([
        once(this.#child, 'message', { signal }).then(([result]) => result as OpenLoopResult),
        once(this.#child, 'exit', { signal }).then(ended),
      ]);
    } finally {
      stop.abort();
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill();
    await exited;
  }
}
