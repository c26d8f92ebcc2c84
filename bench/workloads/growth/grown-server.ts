import pg from 'pg';
import { KEY, serviceArm } from '../../arms.js';
import { CREATE_FIGURES } from '../../create-server.js';
import { startCpuMeter } from '../../machine.js';
import { Server } from '../../processes.js';
import type { MeasuredArm } from '../../rounds.js';
import { percentile } from '../../statistics.js';
import type { Bench, Figure } from '../../workload.js';
import { fill } from './fill.js';

/** What a round gives for a number of agreements. */
export const GROWTH_FIGURES = {
  perSecond: CREATE_FIGURES.perSecond,
  p50: CREATE_FIGURES.p50,
  p99: CREATE_FIGURES.p99,
  serverCpu: CREATE_FIGURES.serverCpu,
  postgresCpu: CREATE_FIGURES.postgresCpu,
  wal: { name: 'WAL per create', unit: 'bytes' },
  pageImages: { name: 'of it whole pages', unit: 'bytes' },
  list: { name: 'a page of a list, p50', unit: 'ms' },
} as const satisfies Record<string, Pick<Figure, 'name' | 'unit'>>;

const CONNECTIONS = 32;
const WARM_UP = 20_000;
const FIRST = 2_000;
const LISTS = 50;
const PAGE = 8_192;

interface Wal {
  readonly at: string;
  readonly images: string;
}

/** The service on a database that holds so many agreements already. */
export class GrownServer {
  #rate = 0;
  #made = 0;

  private constructor(
    private readonly bench: Bench,
    readonly rows: number,
    readonly name: string,
    readonly server: Server,
    private readonly client: pg.Client,
  ) {}

  static async start(bench: Bench, rows: number, name: string): Promise<GrownServer> {
    const arm = serviceArm(name);
    const databaseUrl = await bench.postgres.createDatabase(`bench_growth_${rows}`);
    await arm.prepare(databaseUrl);
    const began = performance.now();
    if (rows > 0) await fill(databaseUrl, rows, bench.signal);
    bench.tell(`${name}: filled in ${Math.round((performance.now() - began) / 1000)} s`);
    const client = new pg.Client(databaseUrl);
    await client.connect();
    const command = (port: number) => arm.command(port, databaseUrl);
    const server = await Server.start(name, command, '/health/ready', bench.cores?.server);
    return new GrownServer(bench, rows, name, server, client);
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await this.client.end();
  }

  /** So many creates make V8 fast, and PostgreSQL write whole the pages that it touches most. */
  async warmUp(): Promise<void> {
    await this.#create(WARM_UP);
    this.#rate = (await this.#create(FIRST)).perSecond;
  }

  /** @param seconds of creates, roughly */
  measuring(seconds: number): MeasuredArm {
    return {
      name: this.name,
      measure: async () => {
        const figures = await this.#create(Math.ceil(this.#rate * seconds));
        this.#rate = figures.perSecond;
        return { ...figures, list: await this.#list() };
      },
    };
  }

  /** Size of everything that one agreement in the middle has, in bytes; by table and index. */
  async sizes(): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.client.query<{ name: string; bytes: string }>(
      `SELECT relname AS name, pg_relation_size(oid) AS bytes FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') AND pg_relation_size(oid) > $1
         AND relname ~ '^(agreement|history|send|limit_entry|outbox)' ORDER BY 2 DESC`,
      [PAGE],
    );
    return new Map(rows.map(({ name, bytes }) => [name, Number(bytes) / this.rows]));
  }

  /** @throws where not every create was acknowledged, or what was acknowledged is not what is stored */
  async #create(amount: number): Promise<Record<Exclude<keyof typeof GROWTH_FIGURES, 'list'>, number>> {
    const { generator, postgres } = this.bench;
    const before = await this.#wal();
    const stop = await startCpuMeter({ server: this.server.pid, postgres: postgres.pid, load: generator.pid });
    const url = `${this.server.url}/v1/agreement`;
    const { acknowledged, requests, perSecond, p50, p99 } = await generator.load({
      ...{ url, key: KEY, connections: CONNECTIONS, amount },
    });
    const use = await stop();
    const after = await this.#wal();
    this.#made += acknowledged;
    const { rows } = await this.client.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM outbox o JOIN agreement a ON a.reference = o.aggregateid::uuid`,
    );
    if (acknowledged !== requests || rows[0]?.n !== this.#made)
      throw new Error(`void: ${this.name} acknowledged ${this.#made} of ${requests} more, stored ${rows[0]?.n}`);
    const each = (value: number | undefined): number => (value ?? NaN) / acknowledged;
    const cpu = { serverCpu: each(use?.server) * 1000, postgresCpu: each(use?.postgres) * 1000 };
    const wal = { wal: each(Number(after.at) - Number(before.at)) };
    return {
      perSecond,
      p50,
      p99,
      ...cpu,
      ...wal,
      pageImages: each(PAGE * (Number(after.images) - Number(before.images))),
    };
  }

  /** Milliseconds of a page of the client's agreements, one after the other. */
  async #list(): Promise<number> {
    const times: number[] = [];
    for (let n = 0; n < LISTS; n += 1) {
      const began = performance.now();
      const response = await fetch(`${this.server.url}/v1/agreement?limit=20`, {
        headers: { authorization: `Bearer ${KEY}` },
      });
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`a list was answered with ${response.status}`);
      times.push(performance.now() - began);
    }
    return percentile(
      times.sort((a, b) => a - b),
      50,
    );
  }

  async #wal(): Promise<Wal> {
    await this.client.query('SELECT pg_stat_force_next_flush()');
    const { rows } = await this.client.query<Wal>(
      `SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS at, wal_fpi AS images FROM pg_stat_wal`,
    );
    const [wal] = rows;
    if (!wal) throw new Error('PostgreSQL does not tell its WAL');
    return wal;
  }
}
