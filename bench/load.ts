import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { pin } from './machine.js';

/** A closed loop: each connection sends its next request when the answer to the last one is there. */
export interface LoadOrder {
  readonly kind: 'load';
  readonly url: string;
  readonly key: string;
  readonly connections: number;
  /** Requests in all. */
  readonly amount: number;
  /** Whether each request has an Idempotency-Key of its own. */
  readonly keyed?: boolean;
}

/** One request of a list; a POST. */
export interface ListedRequest {
  readonly path: string;
  /** JSON. */
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A closed loop in which each connection has its own requests. */
export interface ListsOrder {
  readonly kind: 'lists';
  readonly url: string;
  /** Null where none is asked for. */
  readonly key: string | null;
  /** One for each connection, equally long. */
  readonly lists: readonly (readonly ListedRequest[])[];
}

/** `SELECT 1` on one connection, again and again. */
export interface PingOrder {
  readonly kind: 'ping';
  readonly databaseUrl: string;
  readonly milliseconds: number;
}

export interface LoadResult {
  readonly requests: number;
  /** Answers 201. */
  readonly acknowledged: number;
  /** How many requests were answered with each status; those without an answer are missing. */
  readonly statuses: Readonly<Record<string, number>>;
  /** From the first answer on every connection to the last one of all. */
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export interface PingResult {
  readonly perSecond: number;
}

const ENDED = 'the load generator has ended';

/** The load generator: a process of its own, so that its work is not counted as the bench's or an arm's. */
export class LoadGenerator {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @param core where it runs; none leaves it to the scheduler */
  static async start(core: number | undefined): Promise<LoadGenerator> {
    const child = fork(fileURLToPath(new URL('load-process.js', import.meta.url)), { stdio: 'inherit' });
    await once(child, 'spawn');
    if (core !== undefined && child.pid !== undefined) await pin(child.pid, core);
    return new LoadGenerator(child);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  load(order: Omit<LoadOrder, 'kind'>): Promise<LoadResult> {
    return this.#ask<LoadResult>({ kind: 'load', ...order });
  }

  loadLists(order: Omit<ListsOrder, 'kind'>): Promise<LoadResult> {
    return this.#ask<LoadResult>({ kind: 'lists', ...order });
  }

  ping(order: Omit<PingOrder, 'kind'>): Promise<PingResult> {
    return this.#ask<PingResult>({ kind: 'ping', ...order });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill();
    await exited;
  }

  /** One order at a time. @throws where the process ends instead of answering */
  async #ask<T>(order: LoadOrder | ListsOrder | PingOrder): Promise<T> {
    const stop = new AbortController();
    const { signal } = stop;
    if (!this.#child.connected) throw new Error(ENDED);
    try {
      this.#child.send(order);
      return await Promise.race([
        once(this.#child, 'message', { signal }).then(([answer]) => answer as T),
        once(this.#child, 'exit', { signal }).then(() => Promise.reject(new Error(ENDED))),
      ]);
    } finally {
      stop.abort();
    }
  }
}
