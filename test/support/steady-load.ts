import type { Answer, Api } from './api.js';

/** An answer and how long it took, in milliseconds. */
export interface TimedAnswer extends Answer {
  readonly took: number;
}

/** Asks and takes the time. */
export async function timed(ask: Promise<Answer>): Promise<TimedAnswer> {
  const asked = performance.now();
  const answer = await ask;
  return { ...answer, took: performance.now() - asked };
}

/** Callers who create agreements, each one after the other without a pause. */
export class SteadyLoad {
  readonly answers: TimedAnswer[] = [];
  readonly #callers: Promise<void>[];
  #going = true;

  constructor(
    private readonly api: Api,
    callers: number,
  ) {
    this.#callers = Array.from({ length: callers }, () => this.#call());
  }

  /** Waits for the last answers and gives all. */
  async stop(): Promise<readonly TimedAnswer[]> {
    this.#going = false;
    await Promise.all(this.#callers);
    return this.answers;
  }

  count(status: number): number {
    return this.answers.filter((answer) => answer.status === status).length;
  }

  async #call(): Promise<void> {
    while (this.#going) this.answers.push(await timed(this.api.create()));
  }
}
