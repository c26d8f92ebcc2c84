import { setTimeout as delay } from 'node:timers/promises';
import type { OpenLoopOrder, OpenLoopResult } from './open-loop.js';
import { type RawAnswer, RawConnection } from './raw-connection.js';
import { requestBody } from './requests.js';
import { percentile } from './statistics.js';

/** Milliseconds of the clock that all processes of a machine share. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

const TICK = 1;
const LOOK_EVERY = 20;
/** So long after the last start an answer is waited for. */
const PATIENCE = 30_000;
/** Connections that are opened in one tick at most, so that the server's queue of new ones does not overflow. */
const OPEN_AT_ONCE = 100;

/** Requests that start when they are due, whatever became of those before them. */
class OpenLoop {
  readonly #idle: RawConnection[] = [];
  readonly #waiting: number[] = [];
  #firstWaiting = 0;
  #open = 0;
  #answers = 0;
  #behind = 0;
  #began = 0;
  readonly #latencies = new Map<string, number[]>();
  readonly #whileOffered = new Map<string, number>();
  #retryAfter = 0;
  readonly #order: OpenLoopOrder;
  readonly #url: URL;
  readonly #head: string;

  constructor(order: OpenLoopOrder) {
    this.#order = order;
    this.#url = new URL(order.url);
    const { key } = order;
    this.#head =
      `POST ${this.#url.pathname} HTTP/1.1\r\nHost: ${this.#url.host}\r\nContent-Type: application/json\r\n` +
      (key === null ? '' : `Authorization: Bearer ${key}\r\n`);
  }

  async run(): Promise<OpenLoopResult> {
    const { perSecond, seconds, connections, warm } = this.#order;
    for (let opened = 0; opened < Math.min(warm, connections); opened += 1) {
      this.#idle.push(this.#connect());
      if (opened % OPEN_AT_ONCE === 0) await delay(LOOK_EVERY);
    }
    await delay(LOOK_EVERY);
    const amount = Math.round(perSecond * seconds);
    this.#began = now();
    for (let next = 0; next < amount; await delay(TICK)) {
      const due = Math.min(amount, Math.floor(((now() - this.#began) / 1000) * perSecond) + 1);
      this.#behind = Math.max(this.#behind, now() - this.#dueAt(next));
      for (; next < due; next += 1) this.#waiting.push(next);
      this.#startWaiting();
    }
    const end = now() + PATIENCE;
    while (this.#answers < amount && now() < end) await delay(LOOK_EVERY);
    for (const connection of this.#idle) connection.close();
    return this.#result(amount);
  }

  #dueAt(index: number): number {
    return this.#began + (index / this.#order.perSecond) * 1000;
  }

  #connect(): RawConnection {
    this.#open += 1;
    return new RawConnection(this.#url);
  }

  #startWaiting(): void {
    for (let opened = 0; this.#firstWaiting < this.#waiting.length;) {
      let connection = this.#idle.pop();
      if (!connection) {
        if (this.#open >= this.#order.connections || opened++ >= OPEN_AT_ONCE) return;
        connection = this.#connect();
      }
      this.#start(connection, this.#waiting[this.#firstWaiting++] ?? 0);
    }
    this.#waiting.length = 0;
    this.#firstWaiting = 0;
  }

  #start(connection: RawConnection, index: number): void {
    const body = requestBody(this.#order.first + index);
    connection.send(`${this.#head}Content-Length: ${body.length}\r\n\r\n${body}`, (answer) => {
      this.#note(index, answer);
      if (connection.closed) this.#open -= 1;
      else this.#idle.push(connection);
      if (this.#firstWaiting < this.#waiting.length) this.#startWaiting();
    });
  }

  #note(index: number, answer: RawAnswer | undefined): void {
    const at = now();
    const status = answer === undefined ? 'none' : String(answer.status);
    const latencies = this.#latencies.get(status) ?? [];
    this.#latencies.set(status, latencies);
    latencies.push(at - this.#dueAt(index));
    this.#answers += 1;
    if (answer?.retryAfter) this.#retryAfter += 1;
    if (at - this.#began > this.#order.seconds * 1000) return;
    this.#whileOffered.set(status, (this.#whileOffered.get(status) ?? 0) + 1);
  }

  #result(requests: number): OpenLoopResult {
    const statuses = [...this.#latencies].map(([status, latencies]) => {
      latencies.sort((a, b) => a - b);
      const [p50, p99, p999, most] = [50, 99, 99.9, 100].map((percent) => percentile(latencies, percent));
      const perSecond = (this.#whileOffered.get(status) ?? 0) / this.#order.seconds;
      return [status, { count: latencies.length, perSecond, p50, p99, p999, most }] as const;
    });
    return {
      ...{ requests, answers: this.#answers, retryAfter: this.#retryAfter },
      ...{ began: this.#began, behind: this.#behind, statuses: Object.fromEntries(statuses) },
    } as OpenLoopResult;
  }
}

process.on('message', (order: OpenLoopOrder) => {
  void new OpenLoop(order).run().then((result) => process.send?.(result));
});
