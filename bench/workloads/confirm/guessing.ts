import { KEY } from '../../arms.js';
import type { LoadResult } from '../../load.js';
import { startCpuMeter } from '../../machine.js';
import type { MeasuredArm } from '../../rounds.js';
import type { Bench, Figure } from '../../workload.js';
import type { GuessArm } from './arms.js';
import type { GuessCase } from './cases.js';

/** What one measurement gives for an arm. */
export const GUESS_FIGURES = {
  perSecond: { name: 'guesses per second', unit: 'per second' },
  p50: { name: 'p50', unit: 'ms' },
  p99: { name: 'p99', unit: 'ms' },
  first: { name: 'guesses per second, the first time', unit: 'per second' },
  serverCpu: { name: "server's CPU per guess", unit: 'µs' },
  postgresCpu: { name: "PostgreSQL's CPU per guess", unit: 'µs' },
  wal: { name: 'WAL per guess', unit: 'bytes' },
} as const satisfies Record<string, Pick<Figure, 'name' | 'unit'>>;

/** How long one measurement loads an arm, in seconds, */
const SECONDS = { full: 2, quick: 0.7 };
/** but with no more requests than this: their rows are made anew each time. */
const MOST_REQUESTS = 30_000;
/** Enough for V8 to have compiled the path; */
const WARM_UP_REQUESTS = 20_000;
/** where it is known from another case, or time is short, this is. */
const SHORT_WARM_UP_REQUESTS = 5_000;

/** An arm in one case: fills its tables, guesses, and compares what was answered with what is stored. */
export class Guessing implements MeasuredArm {
  /** Requests a second, as far as known. */
  #rate = 0;

  constructor(
    private readonly bench: Pick<Bench, 'generator' | 'postgres' | 'quick'>,
    private readonly arm: GuessArm,
    private readonly what: GuessCase,
    /** How many agreements wait for their code; or as many as are guessed at. */
    private readonly waiting = 0,
  ) {}

  get name(): string {
    return this.arm.name;
  }

  /** @param short where the server is warm from another case */
  async warmUp(short: boolean): Promise<void> {
    const { perSecond = 0 } = await this.#guess(short || this.bench.quick ? SHORT_WARM_UP_REQUESTS : WARM_UP_REQUESTS);
    this.#rate = perSecond;
  }

  /** @throws where an answer or a row is not what it must be */
  async measure(): Promise<Record<string, number>> {
    const seconds = this.bench.quick ? SECONDS.quick : SECONDS.full;
    // The first answer of each connection tells nothing, so there must be some more.
    const fewest = this.what.connections * 4;
    const figures = await this.#guess(Math.max(fewest, Math.min(this.#rate * seconds, MOST_REQUESTS)));
    this.#rate = figures['perSecond'] ?? 0;
    return figures;
  }

  async #guess(atLeast: number): Promise<Record<string, number>> {
    const { arm, what, bench } = this;
    // Every connection gets as many requests as every other one.
    const inTurn = what.each === what.connections ? 1 : what.connections;
    const count = Math.ceil(atLeast / what.each / inTurn) * inTurn;
    const agreements = await arm.pending.fill(Math.max(count, this.waiting), arm.hashOf);
    const order = { url: arm.server.url, key: KEY, lists: what.lists(agreements.slice(0, count)) };
    const before = what.again ? await bench.generator.loadLists(order) : undefined;
    const written = await arm.pending.walPosition();
    const stop = await startCpuMeter({ server: arm.server.pid, postgres: bench.postgres.pid });
    const result = await bench.generator.loadLists(order);
    const use = await stop();
    const bytes = (await arm.pending.walPosition()) - written;
    await this.#mustHold(result, before);
    const { requests, perSecond, p50, p99 } = result;
    const cpu = { serverCpu: (use?.server ?? NaN) * 1000, postgresCpu: (use?.postgres ?? NaN) * 1000, wal: bytes };
    const each = Object.fromEntries(Object.entries(cpu).map(([name, all]) => [name, all / requests]));
    return { perSecond, p50, p99, first: before?.perSecond ?? NaN, ...each };
  }

  async #mustHold({ requests, statuses }: LoadResult, before: LoadResult | undefined): Promise<void> {
    const outcome = await this.arm.pending.outcome();
    if (this.what.holds({ requests, before: before?.statuses ?? {}, measured: statuses }, outcome)) return;
    const list = (numbers: object): string => JSON.stringify(numbers).replaceAll('"', '');
    const answered = `${before ? `${list(before.statuses)}, then ` : ''}${list(statuses)}`;
    throw new Error(
      `void: ${this.what.name}: ${this.name} got ${requests} requests, answered ${answered}, stored ${list(outcome)}`,
    );
  }
}
