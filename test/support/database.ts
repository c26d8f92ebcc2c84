import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from '@jest/globals';
import pg from 'pg';
import { until } from './until.js';

/** A database of its own for one spec file, with the schema in it. */
export interface TestDatabase {
  readonly url: string;
  query<R extends object = Record<string, unknown>>(text: string, values?: unknown[]): Promise<R[]>;
  /** How many locks of this database are waited for, also as seen from within a transaction; of one mode where it is given. */
  waiting(mode?: 'RowExclusiveLock'): Promise<number>;
  /** Something that works on this database, to be ended with the spec file. */
  onEnd(end: () => Promise<void>): void;
}

function adminUrl(): string {
  const url = process.env['TEST_DATABASE_ADMIN_URL'];
  if (!url) throw new Error('the global setup did not start PostgreSQL');
  return url;
}

async function asAdmin<R extends object>(text: string, values: unknown[] = []): Promise<R[]> {
  const client = new pg.Client(adminUrl());
  await client.connect();
  try {
    return (await client.query<R>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/**
 * Clones the template for this spec file and drops the clone at its end. A file that leaves a connection behind fails:
 * a relay, sender or pool of it would still be running.
 * @param options.migrated false for an empty database
 */
export function useDatabase({ migrated = true } = {}): TestDatabase {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const url = new URL(adminUrl());
  url.pathname = `/${name}`;
  const ends: (() => Promise<void>)[] = [];
  let client: pg.Client;

  beforeAll(async () => {
    await asAdmin(`CREATE DATABASE ${name} ${migrated ? `TEMPLATE ${process.env['TEST_DATABASE_TEMPLATE']}` : ''}`);
    client = new pg.Client(url.href);
    await client.connect();
  });

  afterAll(async () => {
    await Promise.all(ends.map((end) => end()));
    await client.end();
    const open = (): Promise<{ query: string }[]> =>
      asAdmin<{ query: string }>('SELECT query FROM pg_stat_activity WHERE datname = $1', [name]);
    try {
      await until('every connection of the spec is closed', async () => (await open()).length === 0, 3_000);
    } finally {
      await asAdmin(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  });

  return {
    url: url.href,
    onEnd: (end) => void ends.push(end),
    waiting: async (mode) => {
      // Not of pg_stat_activity: within a transaction that stays as it was at the first look.
      const { rows } = await client.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_locks l JOIN pg_database d ON d.oid = l.database
         WHERE d.datname = current_database() AND NOT l.granted AND l.mode = coalesce($1, l.mode)`,
        [mode],
      );
      return rows[0]?.n ?? 0;
    },
    query: async <R extends object>(text: string, values: unknown[] = []) => (await client.query<R>(text, values)).rows,
  };
}
