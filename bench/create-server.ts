import { type Arm, KEY } from './arms.js';
import type { LoadResult } from './load.js';
import { startCpuMeter } from './machine.js';
import { clear, countRows } from './postgres.js';
import { Server } from './processes.js';
import type { MeasuredArm } from './rounds.js';
import type { Bench, Figure } from './workload.js';

/** What a round of creates gives for an arm. */
export const CREATE_FIGURES = {
  perSecond: { name: 'creates per second', unit: 'per second' },
  p50: { name: 'p50', unit: 'ms' },
  p99: { name: 'p99', unit: 'ms' },
  serverCpu: { name: "server's CPU per create", unit: 'µs' },
  postgresCpu: { name: "PostgreSQL's CPU per create", unit: 'µs' },
  loadCpu: { name: "load generator's CPU per create", unit: 'µs' },
} as const satisfies Record<string, Pick<Figure, 'name' | 'unit'>>;

/** So many creates make V8 as fast as it gets; with fewer each round is faster than the one before. */
const WARM_UP_REQUESTS = 30_000;
const WARM_UP_PORTION = 3_000;
const WARM_UP_CONNECTIONS = 32;
/** Seconds. It takes the textbook 18 on a quiet machine; on one that is busy `quick` has no time for more. */
const WARM_UP_WITHIN = 90;
const QUICK_WARM_UP_WITHIN = 25;
/** Creates from which a first rate is taken. */
const FIRST_REQUESTS = 200;

/** An arm that is up on a database of its own, and takes creates. */
export class CreateServer {
  /** Creates per second as they were lately, by the number of connections. */
  readonly #rates = new Map<number, number>();

  private constructor(
    private readonly bench: Bench,
    readonly arm: Arm,
    readonly server: Server,
    readonly databaseUrl: string,
  ) {}

  static async start(bench: Bench, arm: Arm): Promise<CreateServer> {
    const databaseUrl = await bench.postgres.createDatabase(`bench_${arm.name.replaceAll(/\W/g, '_')}`);
    await arm.prepare(databaseUrl);
    const command = (port: number) => arm.command(port, databaseUrl);
    const server = await Server.start(arm.name, command, '/health/ready', bench.cores?.server);
    return new CreateServer(bench, arm, server, databaseUrl);
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  /** @throws where an arm has not stored exactly what it acknowledged */
  async warmUp(): Promise<void> {
    const { quick, signal, tell } = this.bench;
    const within = (quick ? QUICK_WARM_UP_WITHIN : WARM_UP_WITHIN) * 1000;
    const deadline = Math.min(performance.now() + within, this.bench.deadline);
    for (let made = 0; made < WARM_UP_REQUESTS; made += WARM_UP_PORTION) {
      if (performance.now() > deadline)
        return tell(`${this.arm.name} is only warm by ${made} creates: no time for more`);
      signal.throwIfAborted();
      const { perSecond } = await this.create(WARM_UP_CONNECTIONS, WARM_UP_PORTION);
      this.#rates.set(WARM_UP_CONNECTIONS, perSecond);
    }
  }

  /** An arm for the rounds. @param seconds of load, roughly, on so many connections */
  measuring(connections: number, seconds: number): MeasuredArm {
    return {
      name: this.arm.name,
      measure: async () => {
        const known = this.#rates.get(connections);
        const rate = known ?? (await this.create(connections, Math.max(FIRST_REQUESTS, connections * 2))).perSecond;
        const figures = await this.create(connections, Math.ceil(Math.max(rate * seconds, connections * 2)));
        this.#rates.set(connections, figures.perSecond);
        return figures;
      },
    };
  }

  /**
   * So many creates on emptied tables.
   * @throws where not every one was acknowledged, or what was acknowledged is not what is stored
   */
  async create(connections: number, amount: number): Promise<Record<keyof typeof CREATE_FIGURES, number>> {
    const { arm, server, databaseUrl } = this;
    const { generator, postgres } = this.bench;
    await clear(databaseUrl, arm.tables);
    const stop = await startCpuMeter({ server: server.pid, postgres: postgres.pid, load: generator.pid });
    const url = `${server.url}/v1/agreement`;
    const result = await generator.load({ url, key: KEY, connections, amount, keyed: arm.keyed ?? false });
    const use = await stop();
    await this.#mustHaveStored(result);
    const each = (milliseconds: number | undefined): number => ((milliseconds ?? NaN) * 1000) / amount;
    const { perSecond, p50, p99 } = result;
    const cpu = { serverCpu: each(use?.server), postgresCpu: each(use?.postgres), loadCpu: each(use?.load) };
    return { perSecond, p50, p99, ...cpu };
  }

  /** Every request acknowledged, and every acknowledged one in each table once. */
  async #mustHaveStored({ requests, acknowledged, statuses }: LoadResult): Promise<void> {
    const { name, tables } = this.arm;
    const counts = await countRows(this.databaseUrl, tables);
    if (acknowledged === requests && Object.values(counts).every((rows) => rows === acknowledged)) return;
    const list = (numbers: object): string => JSON.stringify(numbers).replaceAll('"', '');
    throw new Error(`void: ${name} got ${requests} requests, answered ${list(statuses)}, stored ${list(counts)}`);
  }
}
