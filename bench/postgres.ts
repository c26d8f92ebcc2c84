import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { EmbeddedPostgres } from '../src/database/embedded-postgres.js';
import { childrenOf, pin } from './machine.js';

/**
 * Durable as in production. No checkpoint and no vacuum falls into a round by chance: each round begins with a
 * checkpoint on an empty table, and nothing is updated.
 */
const SETTINGS = {
  max_connections: '300',
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '1h',
  autovacuum: 'off',
};

/** A PostgreSQL for one run of the bench; every arm has a database of its own in it. */
export class BenchPostgres {
  #databases = 0;

  private constructor(
    private readonly postgres: EmbeddedPostgres,
    private readonly dataDir: string,
    readonly version: string,
    readonly pid: number,
  ) {}

  /** @param core where all of its processes run; none leaves them to the scheduler */
  static async start(core: number | undefined): Promise<BenchPostgres> {
    const built = new URL('../dist/database/embedded-postgres.js', import.meta.url).href;
    const { startEmbeddedPostgres } = (await import(built)) as typeof import('../src/database/embedded-postgres.js');
    const dataDir = await mkdtemp(join(tmpdir(), 'agreement-bench-'));
    const log = (line: string): void => void process.stderr.write(`${line}\n`);
    const postgres = await startEmbeddedPostgres({ dataDir, durable: true, log, settings: SETTINGS });
    const [version] = await queryAt<{ server_version: string }>(postgres.adminUrl, 'SHOW server_version');
    const pid = Number.parseInt(await readFile(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8'));
    if (core !== undefined) for (const each of [pid, ...(await childrenOf(pid))]) await pin(each, core);
    return new BenchPostgres(postgres, dataDir, version?.server_version ?? '', pid);
  }

  /** @param name begins its name; two workloads may ask for the same one @returns its URL, as the superuser */
  async createDatabase(name: string): Promise<string> {
    const unique = `${name}_${++this.#databases}`;
    await queryAt(this.postgres.adminUrl, `CREATE DATABASE ${pg.escapeIdentifier(unique)}`);
    const url = new URL(this.postgres.adminUrl);
    url.pathname = `/${unique}`;
    return url.href;
  }

  async stop(): Promise<void> {
    await this.postgres.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** Empties tables and writes everything down, so that one round does not pay for another. */
export async function clear(databaseUrl: string, tables: readonly string[]): Promise<void> {
  // The history of the service refuses to be emptied.
  const guarded = tables.filter((table) => table === 'history');
  for (const table of guarded) await queryAt(databaseUrl, `ALTER TABLE ${table} DISABLE TRIGGER USER`);
  await queryAt(databaseUrl, `TRUNCATE ${tables.map(pg.escapeIdentifier).join(', ')}`);
  for (const table of guarded) await queryAt(databaseUrl, `ALTER TABLE ${table} ENABLE TRIGGER USER`);
  await queryAt(databaseUrl, 'CHECKPOINT');
}

/** How many rows each table has. */
export async function countRows(databaseUrl: string, tables: readonly string[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of tables) {
    const [row] = await queryAt<{ rows: number }>(
      databaseUrl,
      `SELECT count(*)::int AS rows FROM ${pg.escapeIdentifier(table)}`,
    );
    counts[table] = row?.rows ?? 0;
  }
  return counts;
}

async function queryAt<R extends object>(url: string, text: string): Promise<R[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end();
  }
}
