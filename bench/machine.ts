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
  return [...(await readProcesses())].filter(([, process]) => process.parent === parent).map(([pid]) => pid);
}

/** What of a process is in memory, in MB; NaN where /proc does not tell. */
export async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? NaN) / 1024;
}

/** Begins to measure. @returns what ends it; that gives undefined where /proc does not tell */
export async function startCpuMeter<Name extends string>(
  pids: Readonly<Record<Name, number>>,
): Promise<() => Promise<Record<Name, number> | undefined>> {
  const names = Object.keys(pids) as Name[];
  const read = async (): Promise<Record<Name, number> | undefined> => {
    const table = await readProcesses();
    if (!names.every((name) => table.has(pids[name]))) return undefined;
    return Object.fromEntries(names.map((name) => [name, timeOf(table, [pids[name]])])) as Record<Name, number>;
  };
  const before = await read();
  return async () => {
    const after = await read();
    if (!before || !after) return undefined;
    return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as Record<Name, number>;
  };
}

/**
 * Begins to measure what others use.
 * @param ours processes that are ours with all that they started, beside this one
 * @returns what ends it; that gives the share of all cores, 0 to 1; undefined where /proc does not tell
 */
export async function startForeignMeter(ours: readonly number[]): Promise<() => Promise<number | undefined>> {
  const read = async (): Promise<number | undefined> => {
    const everything = await busyTime();
    return everything === undefined ? undefined : everything - timeOf(await readProcesses(), [process.pid, ...ours]);
  };
  const began = performance.now();
  const before = await read();
  return async () => {
    const after = await read();
    if (before === undefined || after === undefined) return undefined;
    return Math.max(0, after - before) / ((performance.now() - began) * cpus().length);
  };
}

/** Waits until nobody else uses the machine, but not longer than so many milliseconds. @param ours as in the meter */
export async function untilCalm(ours: readonly number[], atMost: number): Promise<void> {
  const deadline = performance.now() + atMost;
  while (performance.now() < deadline) {
    const stop = await startForeignMeter(ours);
    await delay(CALM_FOR);
    if (((await stop()) ?? 0) < CALM) return;
  }
}

/** Of all cores, by any process, without interrupts; time that the hypervisor gave to somebody else is in it. */
async function busyTime(): Promise<number | undefined> {
  const line = (await readFile('/proc/stat', 'utf8').catch(() => '')).split('\n', 1)[0];
  if (!line) return undefined;
  const [user = 0, nice = 0, system = 0, , , , , steal = 0] = line.trim().split(/\s+/).slice(1).map(Number);
  return (user + nice + system + steal) * MS_PER_TICK;
}

type Processes = ReadonlyMap<number, { readonly parent: number; readonly ticks: number; readonly reapedTicks: number }>;

async function readProcesses(): Promise<Processes> {
  const pids = (await readdir('/proc').catch(() => [])).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const stats = await Promise.all(pids.map(async (pid) => [pid, await statOf(pid)] as const));
  return new Map(stats.flatMap(([pid, stat]) => (stat ? [[pid, stat] as const] : [])));
}

/** Of processes and all that they started: those that run and those that have ended (a pool opens and closes at any time). */
function timeOf(processes: Processes, roots: readonly number[]): number {
  const seen = new Set(roots);
  // A set that grows while it is walked is walked to its end.
  for (const root of seen) for (const [pid, { parent }] of processes) if (parent === root) seen.add(pid);
  const ticks = [...seen].map((pid) => {
    const stat = processes.get(pid);
    return stat ? stat.ticks + stat.reapedTicks : 0;
  });
  return ticks.reduce((sum, each) => sum + each, 0) * MS_PER_TICK;
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
