import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DataSource, type DataSourceOptions, type EntitySchema, type Migration } from 'typeorm';
import type { DatabaseSettings } from '../config.js';

/** Any number that nothing else in this database locks; of several processes one migrates, the others wait for it. */
const MIGRATION_LOCK = 7_240_915_301;
/** In milliseconds. */
const ASK_AGAIN = 200;

/** A data source whose migrations run under an advisory lock, however they are started. */
export class LockingDataSource extends DataSource {
  override async runMigrations(options?: Parameters<DataSource['runMigrations']>[0]): Promise<Migration[]> {
    return this.#locked(() => super.runMigrations(options));
  }

  override async undoLastMigration(options?: Parameters<DataSource['undoLastMigration']>[0]): Promise<void> {
    return this.#locked(() => super.undoLastMigration(options));
  }

  /**
   * Asks for the lock again and again instead of waiting for it: a statement that waits holds a snapshot, for whose end
   * CREATE INDEX CONCURRENTLY in the process with the lock would wait in turn.
   */
  async #locked<T>(work: () => Promise<T>): Promise<T> {
    const holder = this.createQueryRunner();
    const isMine = async (): Promise<boolean> => {
      const rows: unknown = await holder.query('SELECT pg_try_advisory_lock($1) AS mine', [MIGRATION_LOCK]);
      return (rows as { mine: boolean }[])[0]?.mine === true;
    };
    try {
      while (!(await isMine())) await delay(ASK_AGAIN);
      return await work();
    } finally {
      await holder.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
      await holder.release();
    }
  }
}

/**
 * @param url where to connect: the pooled URL for the service, the direct one for migrations
 * @param extra settings of the pg pool
 */
export function createDataSource(
  url: string,
  settings: Pick<DatabaseSettings, 'ssl' | 'sslCa'>,
  entities: readonly EntitySchema[],
  extra: Record<string, unknown> = {},
): LockingDataSource {
  const options: DataSourceOptions = {
    type: 'postgres',
    url,
    ssl: tlsOptions(settings),
    entities: [...entities],
    // Compiled ones only: `npm run build` puts them here.
    migrations: [join(import.meta.dirname, '../migrations/*.js')],
    migrationsTableName: 'migration',
    // Not all in one: an index that is made CONCURRENTLY wants none.
    migrationsTransactionMode: 'each',
    synchronize: false,
    logging: false,
    extra,
  };
  return new LockingDataSource(options);
}

/** `require` encrypts without asking who answers; `verify-full` checks the certificate and the host name. */
export function tlsOptions({
  ssl,
  sslCa,
}: Pick<DatabaseSettings, 'ssl' | 'sslCa'>): false | { rejectUnauthorized: boolean; ca?: string } {
  if (ssl === 'off') return false;
  return { rejectUnauthorized: ssl === 'verify-full', ...(sslCa === undefined ? {} : { ca: sslCa }) };
}
