import type { TestDatabase } from './database.js';

/** How many sessions wait for a lock, of a row too; not to be asked within a transaction. */
export async function blocked(database: Pick<TestDatabase, 'query'>): Promise<number> {
  const rows = await database.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return rows.length;
}
