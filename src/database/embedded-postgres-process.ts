import { type ChildProcess, execFile } from 'node:child_process';
import { readFile, rm, stat } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Cluster } from './embedded-postgres-cluster.js';
import { type Launcher, WAY_OUT } from './embedded-postgres-launcher.js';

/** How our PostgreSQL ended: as {@link Postmaster.stop} asked, or by itself. */
export type Ending = 'stopped' | 'died';

// A fast shutdown writes a checkpoint, which takes long on a slow disk only.
const FAST_SHUTDOWN_MS = 10_000;
const STOP_POLL_MS = 20;
// Recovery after a crash replays at most max_wal_size (1 GB).
const READY_WITHIN_MS = 60_000;

const READY = 'database system is ready to accept connections';
// Lines begin with the kind of process. Of a session only that it was cut off, never its errors: its client gets those,
// and they quote personal data.
const WORTH_READING = [
  /^[^:]+: +(?:FATAL|PANIC): /,
  /^(?!client backend|parallel worker)[^:]+: +(?:WARNING|ERROR): /,
  /^[^:]+: +LOG: .*(?:terminated by signal|not properly shut down)/,
];
const PASSING =
  /unexpected postmaster exit|database system is (?:starting|shutting|not yet|in rec)|canceling autovacuum/;
const CUT_OFF = /FATAL: +terminating .* due to administrator command|FATAL: .*shutting down/;
const GAVE_WAY =
  /lock file ".*" (?:already exists|is empty)|bogus data in lock file|shared memory block|already in use/;
// A server writes its pid file right after creating it.
const UNWRITTEN_FOR_MS = 3_000;

/** A PostgreSQL server that is our child process. */
export class Postmaster {
  /** Settles when it and all of its own processes are gone. */
  readonly ended: Promise<Ending>;
  private stopping: Promise<void> | undefined;
  private ready = false;

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    private readonly log: (line: string) => void,
  ) {
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signalled) => {
        const died = this.stopping === undefined;
        if (died && this.ready) log(`PostgreSQL ended by itself: ${signalled ?? `exit code ${String(code)}`}`);
        resolve(died ? 'died' : 'stopped');
      });
    });
  }

  /**
   * Starts the server on a free port of 127.0.0.1 and waits until it takes connections.
   *
   * @param stalePid what postmaster.pid names although it is no server of this cluster
   * @returns its own words when it had to give way: another server has the cluster or the port, or somebody stopped it
   * @throws Error with its own words when it cannot start
   */
  static async start(
    launcher: Launcher,
    cluster: Cluster,
    settings: Record<string, string>,
    log: (line: string) => void,
    stalePid: number | undefined,
  ): Promise<Postmaster | string> {
    const port = await freePort();
    // PostgreSQL disregards the process of this name when it looks whether the lock file's owner lives (CreateLockFile
    // in miscinit.c). Removing the file instead could remove the one that another start has just made.
    const environment = stalePid === undefined ? {} : { PG_GRANDPARENT_PID: String(stalePid) };
    const child = launcher.spawn('postgres', ['-D', cluster.folder, ...flags(settings, port)], environment);
    const postmaster = new Postmaster(child, port, log);
    const words = await postmaster.untilReady();
    if (words === undefined) return postmaster;
    if (GAVE_WAY.test(words) || child.exitCode === 0) return words;
    throw new Error(`The embedded PostgreSQL in ${cluster.folder} did not start: ${words}. ${WAY_OUT}`);
  }

  /** Ends it by a fast shutdown, or at once when that takes too long, and waits until all of its processes are gone. */
  stop(): Promise<void> {
    this.stopping ??= this.shutDown();
    return this.stopping;
  }

  private async shutDown(): Promise<void> {
    this.child.kill('SIGINT');
    const forced = setTimeout(() => {
      this.log(`PostgreSQL did not stop within ${FAST_SHUTDOWN_MS / 1000} s and is stopped at once`);
      this.child.kill('SIGQUIT');
    }, FAST_SHUTDOWN_MS);
    await this.ended;
    clearTimeout(forced);
  }

  /** @returns undefined when it is ready, else what it said before it ended */
  private untilReady(): Promise<string | undefined> {
    const { child } = this;
    const words: string[] = [];
    const overdue = setTimeout(() => void this.stop(), READY_WITHIN_MS);
    child.on('error', (error) => words.push(String(error)));
    child.stdout?.resume();
    return new Promise<string | undefined>((resolve) => {
      createInterface({ input: child.stderr ?? Readable.from([]) }).on('line', (line) => {
        this.pass(line);
        if (this.ready) return;
        words.push(line);
        this.ready = line.includes(READY);
        if (this.ready) resolve(undefined);
      });
      void this.ended.then(() => resolve(words.join(' ').trim()));
    }).finally(() => clearTimeout(overdue));
  }

  private pass(line: string): void {
    const expected = PASSING.test(line) || GAVE_WAY.test(line) || (this.stopping !== undefined && CUT_OFF.test(line));
    if (!expected && WORTH_READING.some((pattern) => pattern.test(line))) this.log(`PostgreSQL: ${line}`);
  }
}

/** What postmaster.pid says. */
export interface FoundPostmaster {
  readonly pid: number;
  /** 0 while the server is only just starting. */
  readonly port: number;
  /** Whether this process is a server of this cluster, and not a number that was left behind or given out again. */
  readonly lives: boolean;
}

/** Looks who runs, or ran, on the cluster. */
export async function findPostmaster(cluster: Cluster): Promise<FoundPostmaster | undefined> {
  const path = join(cluster.folder, 'postmaster.pid');
  const file = await readFile(path, 'utf8').catch(() => undefined);
  if (file === undefined) {
    return undefined;
  }
  // Lines: pid, data directory, start time, port (pidfile.h). The pid of a single-user server is negative.
  const [pid, , , port] = file.split('\n');
  if (!(Number(pid) > 0)) {
    await removeUnwritten(path, file);
    return undefined;
  }
  const commandLine = await commandLineOf(Number(pid));
  return {
    pid: Number(pid),
    port: Number(port) || 0,
    lives: commandLine.includes(`postgres -D ${cluster.folder} `),
  };
}

/** A power cut may leave an empty or zeroed pid file, and PostgreSQL does not start while it lies there. */
async function removeUnwritten(path: string, content: string): Promise<void> {
  const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Infinity);
  if (!/^-?[1-9]/.test(content) && age > UNWRITTEN_FOR_MS) {
    await rm(path, { force: true });
  }
}

/** Stops a server that is not our child, as {@link Postmaster.stop} does, and waits until it is gone. */
export async function stopPostmaster(cluster: Cluster, { pid }: FoundPostmaster): Promise<void> {
  signal(pid, 'SIGINT');
  const forced = setTimeout(() => signal(pid, 'SIGQUIT'), FAST_SHUTDOWN_MS);
  const there = async (): Promise<boolean> => {
    const found = await findPostmaster(cluster);
    return found?.pid === pid && found.lives;
  };
  while (await there()) await delay(STOP_POLL_MS);
  clearTimeout(forced);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It may have gone just now.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Empty when there is no such process, or when it is a zombie. */
async function commandLineOf(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    // Not ps: slim images lack it.
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
  }
  const listed = await promisify(execFile)('ps', ['-ww', '-o', 'args=', '-p', String(pid)]).catch(() => undefined);
  return listed?.stdout ?? '';
}

function flags(settings: Record<string, string>, port: number): string[] {
  const fixed = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    // What the reading of its log above relies on.
    logging_collector: 'off',
    log_destination: 'stderr',
    log_line_prefix: '%b: ',
    log_min_messages: 'warning',
    log_error_verbosity: 'terse',
    // A statement's text may hold personal data.
    log_min_error_statement: 'panic',
    log_statement: 'none',
  };
  return Object.entries({ ...settings, ...fixed }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Free at this moment: whoever binds it must be ready to find it taken. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
