import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from '@jest/globals';
import { Api } from './api.js';
import type { TestDatabase } from './database.js';
import { freePorts } from './kafka/server-properties.js';
import { killIfThere, postgresIn } from './process-list.js';
import { until } from './until.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const READY_WITHIN = 20_000;
const END_WITHIN = 20_000;

/** How a process ended: by itself with a code, or by a signal. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The service as the operating system knows it. */
export class ServiceProcess {
  readonly api: Api;
  /** Resolves when it is gone and everything that it said is here. */
  readonly ended: Promise<Ending>;
  #stdout = '';
  #stderr = '';

  /**
   * @param url where it will listen
   * @param leadsGroup whether its process group is its own
   */
  constructor(
    private readonly child: ChildProcess,
    readonly url: string,
    private readonly leadsGroup: boolean,
  ) {
    this.api = new Api(url);
    child.stdout?.on('data', (data) => (this.#stdout += String(data)));
    child.stderr?.on('data', (data) => (this.#stderr += String(data)));
    this.ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Everything that it has said so far. */
  get output(): string {
    return this.#stdout + this.#stderr;
  }

  /** Its log so far. */
  get log(): Record<string, unknown>[] {
    const lines = this.#stdout.split('\n').slice(0, -1);
    return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Waits until it takes requests, ready or not. */
  async listens(): Promise<this> {
    await this.#until('it listens', async () => (await this.api.get('/health/live')).status === 200, READY_WITHIN);
    return this;
  }

  /** Waits until it is ready. */
  async ready(within = READY_WITHIN): Promise<this> {
    await this.#until('it is ready', async () => (await this.api.get('/health/ready')).status === 200, within);
    return this;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.leadsGroup) process.kill(-(this.child.pid ?? 0), signal);
    else this.child.kill(signal);
  }

  /** Sends a signal, to the whole group where it leads one, and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ending> {
    this.signal(signal);
    return this.end();
  }

  /** Waits until it has ended. */
  async end(within = END_WITHIN): Promise<Ending> {
    await until('the process has ended', () => !this.isRunning, within).catch((error: unknown) => {
      throw new Error(`still running; it said:\n${this.output}`, { cause: error });
    });
    return this.ended;
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    killIfThere(this.leadsGroup ? -(this.child.pid ?? 0) : (this.child.pid ?? 0));
    await this.ended;
  }

  /** @throws with its output where it ends instead, or where that takes too long */
  async #until(what: string, condition: () => Promise<boolean>, within: number): Promise<void> {
    await until(what, async () => !this.isRunning || (await condition()), within).catch((error: unknown) => {
      throw new Error(`not ${what}; it said:\n${this.output}`, { cause: error });
    });
    if (!this.isRunning) throw new Error(`the service has ended; it said:\n${this.output}`);
  }
}

/** Starts services as processes of their own. */
export interface Processes {
  /** `node dist/main.js` with exactly this environment (and a free port unless it names one); not ready yet. */
  start(env?: Readonly<Record<string, string>>): Promise<ServiceProcess>;
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
    start: (env = {}) => run(process.execPath, [MAIN], tmpdir(), env),
    npmStart: (project) => run('npm', ['start'], project, {}),
    folder: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'agreement-data-'));
      folders.push(folder);
      return folder;
    },
  };
}
