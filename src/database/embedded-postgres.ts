import { mkdir, realpath } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { escapeIdentifier, escapeLiteral } from 'pg';
import { type Cluster, prepareCluster, SUPERUSER } from './embedded-postgres-cluster.js';
import { findLauncher, WAY_OUT } from './embedded-postgres-launcher.js';
import { type Access, connect, judge, OWNER_PID_SETTING, Ownership } from './embedded-postgres-owner.js';
import { type Ending, findPostmaster, Postmaster, stopPostmaster } from './embedded-postgres-process.js';

/** A running PostgreSQL of our own. */
export interface EmbeddedPostgres {
  /** `postgresql://agreement:password@127.0.0.1:port/database`: the owner of the database, not a superuser. */
  readonly url: string;
  /** The superuser, in the database `postgres`. */
  readonly adminUrl: string;
  /** Settles, never rejects, when PostgreSQL has ended; `died` when nobody called stop(). */
  readonly exited: Promise<Ending>;
  /** Shuts it down (its sessions are cut off) and waits until none of its processes is left. May be called again. */
  stop(): Promise<void>;
}

/** Where an embedded PostgreSQL keeps its data, and how. */
export interface EmbeddedPostgresOptions {
  /** Absolute; made if missing. All lies in its folder `postgres`. */
  readonly dataDir: string;
  /** False gives durability away for speed: a crash of the machine may ruin the data. For tests. */
  readonly durable: boolean;
  /** Gets what is worth knowing: PostgreSQL's warnings, an orphan that was stopped, an unexpected end. */
  readonly log: (line: string) => void;
  /** Created if missing; `agreement` by default. */
  readonly database?: string;
  /** Further parameters of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** The data folder is in use by another living process, or by another start in this one. */
export class DataFolderTaken extends Error {
  /** @param holder process id of who uses it */
  constructor(
    readonly dataDir: string,
    readonly holder: number,
  ) {
    super(`The data folder ${dataDir} is in use by process ${holder}. Stop that one first, or: ${WAY_OUT}`);
    this.name = 'DataFolderTaken';
  }
}

const APPLICATION_ROLE = 'agreement';
const DATABASE = 'agreement';
const NOT_DURABLE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
const START_WITHIN_MS = 60_000;
const RETRY_PAUSE_MS = 50;
// An owner takes its lock milliseconds after its server takes connections; a busy machine may need seconds.
const OWNER_PATIENCE_MS = 5_000;

/**
 * Starts a PostgreSQL on the data folder, on a free TCP port of 127.0.0.1; makes its files at the first start.
 *
 * Who holds the lock of an {@link Ownership} on the running server has the folder. A server without one was left behind
 * by a process that was killed: it is stopped, and a new one started.
 *
 * @throws DataFolderTaken when another living process has the folder; of several starts at once exactly one succeeds
 * @throws Error saying what to do when PostgreSQL cannot run here, or not on these files
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  if (!isAbsolute(options.dataDir)) throw new Error(`The data folder must be an absolute path: ${options.dataDir}`);
  await mkdir(options.dataDir, { recursive: true });
  const dataDir = await realpath(options.dataDir);
  const launcher = await findLauncher(dataDir);
  const cluster = await prepareCluster(dataDir, launcher, options.durable);
  const settings = {
    max_connections: '100',
    ...(options.durable ? {} : NOT_DURABLE),
    ...options.settings,
    [OWNER_PID_SETTING]: String(process.pid),
  };
  const deadline = performance.now() + START_WITHIN_MS;
  let outcome: EmbeddedPostgres | string = '';
  while (performance.now() < deadline) {
    const stalePid = await untilFree(dataDir, cluster, options.log, deadline);
    const started = await Postmaster.start(launcher, cluster, settings, options.log, stalePid);
    outcome = started instanceof Postmaster ? await own(cluster, started, options.database ?? DATABASE) : started;
    if (typeof outcome !== 'string') return outcome;
    await delay(RETRY_PAUSE_MS);
  }
  throw new Error(`The embedded PostgreSQL in ${dataDir} did not start in time: ${outcome}. ${WAY_OUT}`);
}

/**
 * Waits until no server runs on the cluster, and stops an orphan.
 *
 * @returns the process id that a stale postmaster.pid names, if there is one
 * @throws DataFolderTaken when the server has an owner, or does not tell in time
 */
async function untilFree(
  dataDir: string,
  cluster: Cluster,
  log: (line: string) => void,
  deadline: number,
): Promise<number | undefined> {
  const patientUntil = performance.now() + OWNER_PATIENCE_MS;
  for (;;) {
    const found = await findPostmaster(cluster);
    if (!found?.lives) return found?.pid;
    const verdict = await judge({ ...found, password: cluster.password }, performance.now() < patientUntil);
    if (verdict.kind === 'owned') throw new DataFolderTaken(dataDir, verdict.by);
    if (verdict.kind === 'orphan') {
      log(`PostgreSQL process ${found.pid} was left running in ${dataDir} by a process that was killed; stopping it`);
      await stopPostmaster(cluster, found);
      await verdict.lock.end();
    } else if (performance.now() > deadline) {
      throw new DataFolderTaken(dataDir, found.pid);
    } else {
      await delay(RETRY_PAUSE_MS);
    }
  }
}

/** @returns why not, when somebody else took the server for an orphan and stops it; then theirs is the next one */
async function own(cluster: Cluster, postmaster: Postmaster, database: string): Promise<EmbeddedPostgres | string> {
  const { password } = cluster;
  const access = { port: postmaster.port, password };
  const ownership = await Ownership.take(access).catch(String);
  if (!(ownership instanceof Ownership)) {
    await postmaster.stop();
    return ownership ?? 'another process took its lock';
  }
  const stop = async (): Promise<void> => {
    ownership.release();
    await postmaster.stop();
  };
  void postmaster.ended.then(() => ownership.release());
  try {
    await ensureDatabase(access, database);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: urlOf(postmaster.port, password, database),
    adminUrl: `postgresql://${SUPERUSER}:${password}@127.0.0.1:${postmaster.port}/postgres`,
    exited: postmaster.ended,
    stop,
  };
}

/** How the owner of a database comes in. @param password of all roles that we make */
export function urlOf(port: number, password: string, database = DATABASE): string {
  return `postgresql://${APPLICATION_ROLE}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
}

async function ensureDatabase(access: Access, database: string): Promise<void> {
  const client = await connect(access);
  try {
    const { rows } = await client.query<{ role: boolean; database: boolean }>(
      `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS role,
              EXISTS (SELECT FROM pg_database WHERE datname = $2) AS database`,
      [APPLICATION_ROLE, database],
    );
    if (rows[0]?.role !== true) {
      await client.query(`CREATE ROLE ${APPLICATION_ROLE} LOGIN PASSWORD ${escapeLiteral(access.password)}`);
    }
    if (rows[0]?.database !== true) {
      await client.query(`CREATE DATABASE ${escapeIdentifier(database)} OWNER ${APPLICATION_ROLE}`);
    }
  } finally {
    await client.end();
  }
}
