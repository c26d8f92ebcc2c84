import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Where everything runs: the server under test has a core for itself, PostgreSQL and the load generator share another. */
export interface Cores {
  readonly server: number;
  readonly others: number;
}

/** Processes whose work is told apart, by what they do. */
export type Pids = Readonly<Record<'server' | 'postgres' | 'load', number>>;

/** What was used in a stretch of time. */
export interface CpuUse {
  /** Milliseconds of CPU. */
  readonly server: number;
  readonly postgres: number;
  readonly load: number;
  /** The share of all cores that went to what is not ours, 0 to 1. */
  readonly foreign: number;
}

/** Linux counts CPU time in hundredths of a second, whatever its own clock is (proc(5), USER_HZ). */
const MS_PER_TICK = 10;
const CALM = 0.1;
const CALM_FOR = 500;

/** Two cores to pin to; none where there is no second core or no `taskset`. */
export async function findCores(): Promise<Cores | undefined> {
  if (availableParallelism() < 2) return undefined;
  const there = await promisify(execFile)('taskset', ['-c', '0,1', 'true']).then(
    () => true,
    () => false,
  );
  return there ? { server: 1, others: 0 } : undefined;
}

/** Binds every thread of a running process to one core; threads and children that it makes later inherit it. */
export async function pin(pid: number, core: number): Promise<void> {
  await promisify(execFile)('taskset', ['-a', '-p', '-c', String(core), String(pid)]);
}

/** The processes that a process has started and that still run. */
export async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const parents = await Promise.all(pids.map(async (pid) => (await statOf(pid))?.parent));
  return pids.filter((_, index) => parents[index] === parent);
}

/** Begins to measure. @returns what ends it; that gives undefined where /proc does not tell */
export async function startCpuMeter(pids: Pids): Promise<() => Promise<CpuUse | undefined>> {
  const began = performance.now();
  const before = await readTimes(pids);
  return async () => {
    const after = await readTimes(pids);
    if (!before || !after) return undefined;
    const server = after.server - before.server;
    const postgres = after.postgres - before.postgres;
    const load = after.load - before.load;
    const ours = server + postgres + load + after.self - before.self;
    const available = (performance.now() - began) * cpus().length;
    return { server, postgres, load, foreign: Math.max(0, after.everything - before.everything - ours) / available };
  };
}

/** Waits until nobody else uses the machine, but not longer than so many milliseconds. */
export async function untilCalm(pids: Pids, atMost: number): Promise<void> {
  const deadline = performance.now() + atMost;
  while (performance.now() < deadline) {
    const stop = await startCpuMeter(pids);
    await delay(CALM_FOR);
    const use = await stop();
    if (!use || use.foreign < CALM) return;
  }
}

async function readTimes(pids: Pids): Promise<Record<keyof Pids | 'self' | 'everything', number> | undefined> {
  const everything = await busyTime();
  const [server, postgres, load] = await Promise.all([pids.server, pids.postgres, pids.load].map(treeTime));
  if (everything === undefined || server === undefined || postgres === undefined || load === undefined)
    return undefined;
  const { user, system } = process.cpuUsage();
  return { server, postgres, load, self: (user + system) / 1000, everything };
}

/** Of all cores, by any process, without interrupts; time that the hypervisor gave to somebody else is in it. */
async function busyTime(): Promise<number | undefined> {
  const line = (await readFile('/proc/stat', 'utf8').catch(() => '')).split('\n', 1)[0];
  if (!line) return undefined;
  const [user = 0, nice = 0, system = 0, , , , , steal = 0] = line.trim().split(/\s+/).slice(1).map(Number);
  return (user + nice + system + steal) * MS_PER_TICK;
}

/** Of a process and all that it started: those that run and those that have ended (a pool opens and closes at any time). */
async function treeTime(pid: number): Promise<number | undefined> {
  const own = await statOf(pid);
  if (!own) return undefined;
  const children = await Promise.all((await childrenOf(pid)).map(statOf));
  const ticks = own.ticks + own.reapedTicks + children.reduce((sum, child) => sum + (child?.ticks ?? 0), 0);
  return ticks * MS_PER_TICK;
}

async function statOf(pid: number): Promise<{ parent: number; ticks: number; reapedTicks: number } | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (line === undefined) return undefined;
  // The second field, the name, may hold spaces. Behind it: 3 state, 4 parent, …, 14 user, 15 system, and 16, 17 the same
  // of children that have ended.
  const fields = line
    .slice(line.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user = 0, system = 0, reapedUser = 0, reapedSystem = 0] = fields.slice(11, 15);
  return { parent: fields[1] ?? 0, ticks: user + system, reapedTicks: reapedUser + reapedSystem };
}
