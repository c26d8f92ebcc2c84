import { execFileSync } from 'node:child_process';

interface Listed {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

function listProcesses(): Listed[] {
  const lines = execFileSync('ps', ['-ww', '-axo', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => {
    const [, pid, parent, command = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
  });
}

/** The PostgreSQL server on a data folder with the processes that it has made; empty where none runs. */
export function postgresIn(folder: string): number[] {
  const all = listProcesses();
  const servers = all.filter(({ command }) => command.includes('postgres') && command.includes(`-D ${folder}/`));
  const pids = servers.map(({ pid }) => pid);
  return [...pids, ...all.filter(({ parent }) => pids.includes(parent)).map(({ pid }) => pid)];
}

/** Which of these processes still exist. */
export function stillThere(pids: readonly number[]): number[] {
  const there = new Set(listProcesses().map(({ pid }) => pid));
  return pids.filter((pid) => there.has(pid));
}

/** @param pid a negative one names a process group */
export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
