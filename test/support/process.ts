import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from '@jest/globals';
import type { TestDatabase } from './database.js';
import { freePorts } from './kafka/server-properties.js';
import { killIfThere, postgresIn } from './process-list.js';
import { ServiceProcess } from './service-process.js';
import { until } from './until.js';

export type { Ending, ServiceProcess } from './service-process.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Starts services as processes of their own. */
export interface Processes {
  /** `node dist/main.js` (or another) with exactly this environment (and a free port unless it names one); not ready yet. */
  start(env?: Readonly<Record<string, string>>, main?: string): Promise<ServiceProcess>;
  /** `npm start` in a project's folder, in a process group of its own as a terminal's shell makes one. */
  npmStart(project: string): Promise<ServiceProcess>;
  /** A new temporary folder; what PostgreSQL left running in it is stopped in the end. */
  folder(): Promise<string>;
}

/**
 * Everything that is started is gone when the spec file ends, however its tests went.
 * @param database where it is given, the processes end before it is dropped
 */
export function useProcesses(database?: TestDatabase): Processes {
  const started: ServiceProcess[] = [];
  const folders: string[] = [];
  const run = async (file: string, args: string[], cwd: string, given: Readonly<Record<string, string>>) => {
    const [free] = await freePorts();
    const port = (given['PORT'] ?? '0') === '0' ? String(free) : given['PORT'];
    const env = { PATH: process.env['PATH'], HOME: tmpdir(), ...given, PORT: port };
    const leadsGroup = file === 'npm';
    const child = spawn(file, args, { cwd, env, detached: leadsGroup, stdio: ['ignore', 'pipe', 'pipe'] });
    const service = new ServiceProcess(child, `http://127.0.0.1:${port}`, leadsGroup);
    started.push(service);
    return service;
  };
  const end = async () => {
    await Promise.all(started.map((service) => service.kill()));
    for (const folder of folders) {
      for (const pid of postgresIn(folder)) killIfThere(pid);
      await until('PostgreSQL is gone', () => postgresIn(folder).length === 0);
      await rm(folder, { recursive: true, force: true });
    }
  };
  if (database) database.onEnd(end);
  else afterAll(end, 30_000);
  return {
    start: (env = {}, main = MAIN) => run(process.execPath, [main], tmpdir(), env),
    npmStart: (project) => run('npm', ['start'], project, {}),
    folder: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'agreement-data-'));
      folders.push(folder);
      return folder;
    },
  };
}
