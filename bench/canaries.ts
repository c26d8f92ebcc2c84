import { canaryCommand, KEY } from './arms.js';
import type { LoadGenerator } from './load.js';
import type { Cores } from './machine.js';
import type { BenchPostgres } from './postgres.js';
import { Server } from './processes.js';

/** How fast the machine was at one moment, in answers per second. */
export interface Canary {
  readonly http: number;
  readonly database: number;
}

const PING_MS = 250;
const CONNECTIONS = 8;
const REQUESTS = 10_000;

/** A bare HTTP server and `SELECT 1`: what they do in a second changes only with the machine. */
export class Canaries {
  private constructor(
    private readonly server: Server,
    private readonly databaseUrl: string,
    private readonly generator: LoadGenerator,
  ) {}

  static async start(postgres: BenchPostgres, generator: LoadGenerator, cores: Cores | undefined): Promise<Canaries> {
    const databaseUrl = await postgres.createDatabase('bench_canary');
    const canaries = new Canaries(
      await Server.start('canary', canaryCommand, '/', cores?.server),
      databaseUrl,
      generator,
    );
    // Once for V8, which makes the server twice as fast meanwhile.
    await canaries.ask();
    return canaries;
  }

  async ask(): Promise<Canary> {
    const { server, databaseUrl, generator } = this;
    const http = await generator.load({ url: server.url, key: KEY, connections: CONNECTIONS, amount: REQUESTS });
    const database = await generator.ping({ databaseUrl, milliseconds: PING_MS });
    return { http: http.perSecond, database: database.perSecond };
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}
