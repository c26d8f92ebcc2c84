import { randomBytes } from 'node:crypto';
import { chown, lchown, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Launcher, run, WAY_OUT } from './embedded-postgres-launcher.js';

/** The superuser of the cluster. */
export const SUPERUSER = 'postgres';

/** A database cluster on disk. */
export interface Cluster {
  /** What PostgreSQL calls its data directory. */
  readonly folder: string;
  /** Of all roles that we make. */
  readonly password: string;
}

// initdb takes a second or two. What is older was left by a process that was killed in it.
const ABANDONED_AFTER_MS = 10 * 60_000;

/**
 * Makes the cluster below `dataDir/postgres` at the first start; later only looks whether it is ours to use.
 *
 * The password lies beside the data, so that one rename brings both into being: a kill at any moment leaves either
 * nothing or a complete cluster, and of several first starts at once one makes it and the others take it.
 *
 * @throws Error saying what to do: the cluster is of another major version, of another user, or no cluster at all
 */
export async function prepareCluster(dataDir: string, launcher: Launcher, durable: boolean): Promise<Cluster> {
  const home = join(dataDir, 'postgres');
  await removeAbandoned(dataDir);
  const owner = await stat(home).catch(ifMissing(undefined));
  if (owner === undefined) {
    await createCluster(dataDir, home, launcher, durable);
  } else if (owner.uid === 0 && launcher.account !== undefined) {
    await giveTo(launcher.account, home);
  }
  try {
    await checkVersion(home, launcher.major);
    return { folder: join(home, 'data'), password: await readFile(join(home, 'password'), 'utf8') };
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EACCES'
      ? new Error(`${home} belongs to another user. Start as that user. ${WAY_OUT}`, { cause: error })
      : error;
  }
}

async function createCluster(dataDir: string, home: string, launcher: Launcher, durable: boolean): Promise<void> {
  const draft = await mkdtemp(join(dataDir, 'postgres.new-'));
  try {
    const passwordFile = join(draft, 'password');
    await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
    if (launcher.account !== undefined) {
      await chown(passwordFile, launcher.account.uid, launcher.account.gid);
      await chown(draft, launcher.account.uid, launcher.account.gid);
    }
    // The builtin locale sorts by code point and knows Unicode's letters on every platform, unlike the system's own.
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const access = [`--username=${SUPERUSER}`, '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
    const sync = durable ? [] : ['--no-sync'];
    const args = [...locale, ...access, ...sync, '-D', join(draft, 'data')];
    const { code, output } = await run(() => launcher.spawn('initdb', args));
    if (code !== 0) {
      throw new Error(`The embedded PostgreSQL could not make its files in ${dataDir}: ${output.trim()}. ${WAY_OUT}`);
    }
    await rename(draft, home).catch(ifCode(['ENOTEMPTY', 'EEXIST'], undefined));
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function checkVersion(home: string, major: string): Promise<void> {
  const version = (await readFile(join(home, 'data', 'PG_VERSION'), 'utf8').catch(ifMissing(''))).trim();
  if (version === '') {
    throw new Error(`${home} is not a complete PostgreSQL cluster. Move it away to begin anew. ${WAY_OUT}`);
  }
  if (version !== major) {
    throw new Error(
      `${home} was made by PostgreSQL ${version}, and this release brings PostgreSQL ${major}. ` +
        `To keep its data, dump it with version ${version}; then move the folder away to begin anew. ${WAY_OUT}`,
    );
  }
}

/** A cluster that root copied or restored is root's, and PostgreSQL insists on owning its files. */
async function giveTo({ uid, gid }: { uid: number; gid: number }, home: string): Promise<void> {
  for (const entry of await readdir(home, { recursive: true })) {
    await lchown(join(home, entry), uid, gid);
  }
  // Last, because its owner is what tells that this is done.
  await chown(home, uid, gid);
}

async function removeAbandoned(dataDir: string): Promise<void> {
  for (const entry of await readdir(dataDir)) {
    const path = join(dataDir, entry);
    if (entry.startsWith('postgres.new-') && (await ageOf(path)) > ABANDONED_AFTER_MS) {
      // Not worth failing for: it may be another user's.
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

async function ageOf(path: string): Promise<number> {
  const found = await stat(path).catch(ifMissing(undefined));
  return found === undefined ? 0 : Date.now() - found.mtimeMs;
}

function ifMissing<T>(value: T): (error: unknown) => T {
  return ifCode(['ENOENT'], value);
}

function ifCode<T>(codes: string[], value: T): (error: unknown) => T {
  return (error) => {
    if (codes.includes((error as NodeJS.ErrnoException).code ?? '')) {
      return value;
    }
    throw error;
  };
}
