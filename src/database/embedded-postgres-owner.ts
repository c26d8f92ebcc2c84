import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { SUPERUSER } from './embedded-postgres-cluster.js';

/** The setting by which a server tells which process started it. */
export const OWNER_PID_SETTING = 'agreement.owner_pid';

// An arbitrary number; advisory locks are per database, and nobody else uses those of the database "postgres".
const OWNER_LOCK = 7_310_586_041;
const CONNECT_TIMEOUT_MS = 5_000;
const RETAKE_PAUSE_MS = 100;

/** Where a server listens, and how to come in. */
export interface Access {
  /** 0 while it does not tell yet. */
  readonly port: number;
  readonly password: string;
}

/** Connects as superuser to the database `postgres`. */
export async function connect({ port, password }: Access): Promise<Client> {
  const client = new Client({
    host: '127.0.0.1',
    port,
    user: SUPERUSER,
    password,
    database: 'postgres',
    ssl: false,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  // Without a listener a lost connection would end the process.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/**
 * The right to a server: a session advisory lock, held on a connection of its own for the owner's whole life. It is gone
 * in the moment in which the owner is, however that ends.
 */
export class Ownership {
  private released = false;

  private constructor(
    client: Client,
    private readonly access: Access,
  ) {
    this.keep(client);
  }

  /**
   * @returns undefined when somebody else has it
   * @throws Error when the server does not take the connection
   */
  static async take(access: Access): Promise<Ownership | undefined> {
    const client = await lock(access);
    return client === undefined ? undefined : new Ownership(client, access);
  }

  /** No longer keeps it. The lock itself goes with the server, which its owner stops now, or which has died. */
  release(): void {
    this.released = true;
  }

  /** The server closes its sessions after a crash of one of them, or when an administrator says so; it is still ours. */
  private keep(client: Client): void {
    client.once('end', () => void this.retake());
  }

  private async retake(): Promise<void> {
    while (!this.released) {
      const client = await lock(this.access).catch(() => undefined);
      if (client === undefined) {
        await delay(RETAKE_PAUSE_MS, undefined, { ref: false });
      } else if (this.released) {
        await client.end();
      } else {
        this.keep(client);
        return;
      }
    }
  }
}

/** What is known about the owner of a server that is not our child. */
export type Verdict =
  | { readonly kind: 'orphan'; readonly lock: Client }
  | { readonly kind: 'owned'; readonly by: number }
  | { readonly kind: 'unclear' };

/**
 * Asks a server that was found running whether its owner lives.
 *
 * @param patient while true, a living process that started the server is given time to take its lock, or to retake it
 * @returns `orphan`, with the connection that now holds the lock; `owned` by a process id; or `unclear`: ask again, the
 * server is starting or stopping, its owner needs patience, or another start takes it over
 * @throws Error when the server does not know our password
 */
export async function judge(access: Access, patient: boolean): Promise<Verdict> {
  if (access.port === 0) return { kind: 'unclear' };
  let client: Client;
  try {
    client = await connect(access);
  } catch (error) {
    if ((error as { code?: string }).code === '28P01') {
      throw new Error('The PostgreSQL in the data folder refuses the password that is kept there', { cause: error });
    }
    return { kind: 'unclear' };
  }
  const verdict = await question(client, patient).catch((): Verdict => ({ kind: 'unclear' }));
  if (verdict.kind !== 'orphan') {
    await client.end().catch(() => undefined);
  }
  return verdict;
}

async function question(client: Client, patient: boolean): Promise<Verdict> {
  const { rows } = await client.query<{ owner: number; locked: boolean }>(
    `SELECT coalesce(current_setting('${OWNER_PID_SETTING}', true), '0')::int AS owner,
            EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (
                      SELECT oid FROM pg_database WHERE datname = current_database())) AS locked`,
  );
  const { owner = 0, locked = false } = rows[0] ?? {};
  const alive = isAlive(owner);
  if (locked) {
    // With a dead starter the lock is that of another start, which is just stopping the orphan.
    return alive ? { kind: 'owned', by: owner } : { kind: 'unclear' };
  }
  const waiting = alive && patient;
  return !waiting && (await tryLock(client)) ? { kind: 'orphan', lock: client } : { kind: 'unclear' };
}

async function lock(access: Access): Promise<Client | undefined> {
  const client = await connect(access);
  if (await tryLock(client)) {
    return client;
  }
  await client.end();
  return undefined;
}

async function tryLock(client: Client): Promise<boolean> {
  await client.query('SET idle_session_timeout = 0');
  const { rows } = await client.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1) AS got', [OWNER_LOCK]);
  return rows[0]?.got === true;
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
