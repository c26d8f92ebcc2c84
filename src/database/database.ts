import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import pg from 'pg';
import type { DataSource, EntitySchema } from 'typeorm';
import { CONFIG, type Config } from '../config.js';
import { LOGGER, type Logger } from '../logger.js';
import { createDataSource, tlsOptions } from './data-source.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.js';
import { DatabaseUnavailable, isUnavailable } from './unavailable.js';

/** Injection token of the tables that are read through TypeORM. */
export const ENTITIES = Symbol('ENTITIES');

/** SQL with the name under which each connection prepares it once. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** A caller gets its 503 in less than two seconds, also where the address swallows packets. */
const CONNECT_TIMEOUT = 1_500;
const QUERY_TIMEOUT = 10_000;
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
  ) {}

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
   */
  async query<R extends object>(statement: Statement, values: readonly unknown[]): Promise<R[]> {
    try {
      const result = await this.#pool.query<R>({ ...statement, values: [...values] });
      return result.rows;
    } catch (error) {
      throw isUnavailable(error) ? new DatabaseUnavailable('query failed', { cause: error }) : error;
    }
  }

  /** A new connection of its own, by-passing a pooler; the caller connects it, listens for `error` and ends it. */
  directClient(): pg.Client {
    return new pg.Client({
      connectionString: this.#directUrl,
      ssl: tlsOptions(this.config.database),
      connectionTimeoutMillis: CONNECT_TIMEOUT,
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

  get #pool(): pg.Pool {
    return (this.source.driver as unknown as { master: pg.Pool }).master;
  }

  async #open(url: string): Promise<DataSource> {
    const source = createDataSource(url, this.config.database, this.entities, {
      max: this.config.database.poolSize,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      query_timeout: QUERY_TIMEOUT,
      keepAlive: true,
      application_name: 'agreement-service',
    });
    await source.initialize();
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
