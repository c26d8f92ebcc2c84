import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import pg from 'pg';
import type { DataSource, EntitySchema } from 'typeorm';
import { CONFIG, type Config } from '../config.js';
import { LOGGER, type Logger } from '../logger.js';
import { Metrics } from '../metrics.js';
import { createDataSource, tlsOptions } from './data-source.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.js';
import { observeWaits } from './pool-waits.js';
import { watchPool } from './pool-watch.js';
import { withoutValues } from './statement-refused.js';
import { causeOf, DatabaseUnavailable, isUnavailable } from './unavailable.js';

/** Injection token of the tables that are read through TypeORM. */
export const ENTITIES = Symbol('ENTITIES');

/** SQL with the name under which each connection prepares it once. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /**
   * `SET LOCAL`s that hold for it alone. It is then planned each time, with its values written into the text: settings and
   * statement go in one message, and so one transaction, also behind a transaction pooler.
   */
  readonly settings?: string;
}

/** Runs a statement and gives its rows. */
export type Query = <R extends object>(statement: Statement, values: readonly unknown[]) => Promise<R[]>;

/** A caller gets its 503 in less than two seconds, also where the address swallows packets. */
const CONNECT_TIMEOUT = 1_500;
/**
 * No statement of the service takes this long; the longest, batches of 500 rows, take tens of milliseconds. After a
 * network that swallowed everything it is also what the recovery waits for: the first connection that gives no answer.
 */
const ANSWER_WITHIN = 5_000;
/**
 * The server gives up a little before, so that what waits for a lock ends there too and the connection stays good; and
 * sessions whose other end is gone do not stay: the pool closes its own after 10 s without work, and a transaction that goes
 * on nowhere, of a process that was stopped in the middle of a claim, would keep its rows and locks from everybody else. Not as parameters of
 * the connection: a pooler refuses those that it does not know. No statement runs long enough to be worth compiling: where
 * the server has a compiler, one look at the limits took 2.9 s with it and 4 ms without. And none wants to read a table from
 * end to end, but a plan that was made and kept while a table was new would (16 creates: 38 ms instead of 1).
 */
const SESSION = {
  text: `SET statement_timeout = '4500ms'; SET idle_session_timeout = '60s'; SET idle_in_transaction_session_timeout = '5s'; SET jit = off; SET enable_seqscan = off`,
  query_timeout: CONNECT_TIMEOUT,
};
const RETRY_CONNECT = 500;

/** The one way to PostgreSQL: a pool for statements, direct connections for locks and LISTEN. */
@Injectable()
export class Database {
  #embedded: EmbeddedPostgres | undefined;
  #source: DataSource | undefined;
  #directUrl = '';

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(ENTITIES) private readonly entities: readonly EntitySchema[],
    private readonly metrics: Metrics,
  ) {
    const { poolConnections, poolIdle, poolWaiting } = metrics;
    metrics.atScrape([poolConnections, poolIdle, poolWaiting], () => {
      const { totalCount, idleCount, waitingCount } = poolOf(this.source);
      poolConnections.set(totalCount);
      poolIdle.set(idleCount);
      poolWaiting.set(waitingCount);
    });
  }

  get connected(): boolean {
    return this.#source !== undefined;
  }

  /** For reads through TypeORM. @throws DatabaseUnavailable before the first connection */
  get source(): DataSource {
    if (!this.#source) throw new DatabaseUnavailable('not connected yet');
    return this.#source;
  }

  /**
   * Connects, waiting for a server that is still coming up, and brings the schema up to date where `MIGRATE` says so.
   * @param signal ends the waiting
   * @param onFatal called when the embedded server has ended by itself
   * @throws DataFolderTaken where the embedded server belongs to another process
   */
  async connect(signal: AbortSignal, onFatal: (error: Error) => void): Promise<void> {
    const { database } = this.config;
    if (!database.url) {
      const log = (line: string): void => this.logger.warn({ line }, 'PostgreSQL says');
      this.#embedded = await startEmbeddedPostgres({ dataDir: database.dataDir, durable: true, log });
      void this.#embedded.exited.then((ending) => {
        if (ending === 'died') onFatal(new Error('the embedded PostgreSQL has ended'));
      });
    }
    const url = database.url?.reveal() ?? this.#embedded?.url ?? '';
    this.#directUrl = database.directUrl?.reveal() ?? url;
    if (database.migrate) await this.#whenReachable(signal, () => this.#migrate());
    this.#source = await this.#whenReachable(signal, () => this.#open(url));
  }

  /**
   * One statement on a pooled connection.
   * @throws DatabaseUnavailable where the server cannot be reached or is not able to work
   * @throws StatementRefused, which holds none of the values
   */
  async query<R extends object>(statement: Statement, values: readonly unknown[]): Promise<R[]> {
    try {
      const { name, text, settings } = statement;
      if (settings !== undefined) return await this.#under<R>(settings, written(text, values));
      const result = await poolOf(this.source).query<R>({ name, text, values: [...values] });
      return result.rows;
    } catch (error) {
      throw isUnavailable(error)
        ? new DatabaseUnavailable(`query failed: ${causeOf(error)}`, { cause: error })
        : withoutValues(error, statement.name);
    }
  }

  /**
   * Several statements on one connection, committed together, or none of them where `work` throws. Each sees what was
   * committed before it began, not before the transaction did (READ COMMITTED): what counts behind a lock relies on it.
   * @param work gets the way to run its statements; a few, and nothing else is waited for between them
   * @throws DatabaseUnavailable likewise, and whatever `work` throws
   */
  async transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    let fault: Error | undefined;
    const lost = (error: Error): void => void (fault ??= error);
    const client = await this.#connection(lost);
    try {
      await client.query('BEGIN');
      const result = await work(async <R extends object>(statement: Statement, values: readonly unknown[]) => {
        return (await client.query<R>({ ...statement, values: [...values] })).rows;
      });
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch(lost);
      throw isUnavailable(error)
        ? new DatabaseUnavailable(`transaction failed: ${causeOf(error)}`, { cause: error })
        : withoutValues(error, 'transaction');
    } finally {
      client.off('error', lost);
      client.release(fault);
    }
  }

  /**
   * A look at how things stand, which must not cost anybody anything: the server itself ends it after a second.
   * @param sql one statement without parameters
   * @throws DatabaseUnavailable likewise
   */
  async glance<R extends object>(sql: string): Promise<R[]> {
    try {
      return await this.#under<R>("SET LOCAL statement_timeout = '1s'", sql);
    } catch (error) {
      throw isUnavailable(error)
        ? new DatabaseUnavailable(`glance failed: ${causeOf(error)}`, { cause: error })
        : error;
    }
  }

  /**
   * A new connection of its own, by-passing a pooler; the caller connects it, listens for `error` and ends it.
   * @param answerWithin milliseconds; a statement that takes longer throws, and the connection is then of no use
   */
  directClient(answerWithin: number): pg.Client {
    return new pg.Client({
      connectionString: this.#directUrl,
      ssl: tlsOptions(this.config.database),
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      query_timeout: answerWithin,
      keepAlive: true,
      application_name: 'agreement-service direct',
    });
  }

  async close(): Promise<void> {
    const source = this.#source;
    this.#source = undefined;
    await source?.destroy();
    await this.#embedded?.stop();
  }

  /** What the last of them gives. */
  async #under<R extends object>(settings: string, sql: string): Promise<R[]> {
    const results: unknown = await poolOf(this.source).query(`${settings}; ${sql}`);
    return (results as pg.QueryResult<R>[]).at(-1)?.rows ?? [];
  }

  /**
   * @param lost hears of the connection's end between two statements, which would else end the process. From the very call
   * in which the pool hands it over: the server's farewell may lie in the packet behind the answer to the one before.
   */
  async #connection(lost: (error: Error) => void): Promise<pg.PoolClient> {
    const { promise, resolve, reject } = Promise.withResolvers<pg.PoolClient>();
    poolOf(this.source).connect((error, client) => {
      client?.on('error', lost);
      if (client && !error) resolve(client);
      else reject(error ?? new DatabaseUnavailable('the pool gave no connection'));
    });
    try {
      return await promise;
    } catch (error) {
      throw isUnavailable(error)
        ? new DatabaseUnavailable(`no connection: ${causeOf(error)}`, { cause: error })
        : error;
    }
  }

  async #open(url: string): Promise<DataSource> {
    const source = createDataSource(url, this.config.database, this.entities, {
      max: this.config.database.poolSize,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      // For the start, when nobody watches the pool yet.
      query_timeout: 2 * ANSWER_WITHIN,
      onConnect: (client: pg.ClientBase) => client.query(SESSION),
      keepAlive: true,
      application_name: 'agreement-service',
    });
    await source.initialize();
    watchPool(poolOf(source), ANSWER_WITHIN);
    observeWaits(poolOf(source), (seconds) => this.metrics.poolWait.observe(seconds));
    try {
      if (!(await source.showMigrations())) return source;
    } catch (error) {
      await source.destroy();
      throw error;
    }
    await source.destroy();
    throw new Error('the schema of the database is not up to date: run npm run migration:run, or set MIGRATE=true');
  }

  async #migrate(): Promise<void> {
    const source = createDataSource(this.#directUrl, this.config.database, this.entities, {
      connectionTimeoutMillis: CONNECT_TIMEOUT,
    });
    await source.initialize();
    try {
      const applied = await source.runMigrations();
      if (applied.length > 0)
        this.logger.info({ migrations: applied.map(({ name }) => name) }, 'schema brought up to date');
    } finally {
      await source.destroy();
    }
  }

  async #whenReachable<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        if (attempt % 10 === 1) this.logger.warn({ attempt, reason: String(error) }, 'waiting for PostgreSQL');
        await delay(RETRY_CONNECT, undefined, { signal });
      }
    }
  }
}

function poolOf(source: DataSource): pg.Pool {
  return (source.driver as unknown as { master: pg.Pool }).master;
}

/** A statement with its values in their places, as text: a number, a string, or a list of strings without quotes or commas. */
function written(text: string, values: readonly unknown[]): string {
  return text.replaceAll(/\$(\d+)/g, (_, place: string) => {
    const value = values[Number(place) - 1];
    return pg.escapeLiteral(Array.isArray(value) ? `{${value.join()}}` : String(value));
  });
}
