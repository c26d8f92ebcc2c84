import { readdir, readFile, readlink } from 'node:fs/promises';
import { until } from './until.js';

/** Waits until a process is stopped (SIGSTOP). */
export async function stopped(pid: number): Promise<void> {
  await until(`process ${pid} is stopped`, async () => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
  });
}

/** How many sockets a process holds that lead to a port of this machine, dead ones too. */
export async function socketsTo(port: number, pid: number): Promise<number> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = (await readFile(`/proc/${pid}/net/tcp`, 'utf8')).split('\n').map((line) => line.trim().split(/\s+/));
  const inodes = new Set(lines.filter((fields) => fields[2]?.endsWith(`:${hex}`)).map((fields) => fields[9]));
  const held = await Promise.all(
    (await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')),
  );
  return held.filter((link) => inodes.has(/^socket:\[(\d+)\]$/.exec(link)?.[1])).length;
}

/** The memory that a process holds, in MiB. */
export async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}
