import pg from 'pg';
import type { DatabaseSettings } from '../config.js';
import { tlsOptions } from './data-source.js';
import type { Statement } from './database.js';
import { runningPostgres } from './running-postgres.js';
import { DatabaseUnavailable, isUnavailable } from './unavailable.js';

/** Somebody waits at a terminal. */
const CONNECT_TIMEOUT = 4_000;
const QUERY_TIMEOUT = 10_000;
const NO_SUCH_TABLE = '42P01';

/** One connection, for the commands of an operator. */
export class OperatorDatabase {
  private constructor(private readonly client: pg.Client) {}

  /**
   * Connects to the database of `DATABASE_DIRECT_URL` or `DATABASE_URL`; without them to that of the service that runs on
   * `DATA_DIR`.
   * @throws DatabaseUnavailable saying why not
   */
  static async connect(settings: DatabaseSettings): Promise<OperatorDatabase> {
    const url = settings.directUrl?.reveal() ?? settings.url?.reveal();
    const client = new pg.Client({
      connectionString: url ?? (await runningPostgres(settings.dataDir)),
      ssl: url === undefined ? false : tlsOptions(settings),
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      query_timeout: QUERY_TIMEOUT,
      application_name: 'agreement-service operator',
    });
    // The statement in hand tells it; without a listener it would end the process.
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (error) {
      throw new DatabaseUnavailable('PostgreSQL cannot be reached', { cause: error });
    }
    return new OperatorDatabase(client);
  }

  /** @throws DatabaseUnavailable where the server has gone away or is not able to work */
  async query<R extends object>({ text }: Statement, values: readonly unknown[] = []): Promise<R[]> {
    try {
      return (await this.client.query<R>(text, [...values])).rows;
    } catch (error) {
      if (isUnavailable(error)) throw new DatabaseUnavailable('PostgreSQL does not answer', { cause: error });
      if ((error as { code?: string }).code !== NO_SUCH_TABLE) throw error;
      throw new Error('the schema of the database is not up to date: run npm run migration:run', { cause: error });
    }
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }
}
