import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { type Ending, ServiceProcess } from '../support/service-process.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

/** What a process takes of the machine. */
export interface Footprint {
  readonly name: string;
  readonly megabytes: number;
  readonly handles: number;
}

/** One place of the deployment: a role, with the process that holds it now and its own way to PostgreSQL. */
export class Member {
  /** How processes ended that nobody had told to. */
  readonly unexpected: string[] = [];
  /** How many processes have held it. */
  started = 0;
  #process: ServiceProcess | undefined;

  /** @param env of every process that takes this place; PORT among it */
  constructor(
    readonly name: string,
    readonly role: 'api' | 'relay' | 'worker',
    readonly database: TcpProxy,
    private program: string,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.env['PORT']}`;
  }

  get isRunning(): boolean {
    return this.#process?.isRunning ?? false;
  }

  /** The next process runs another program. */
  becomes(program: string): void {
    this.program = program;
  }

  /** A new process in this place; returns when it is ready. @param failpoints as in FAILPOINTS */
  async start(failpoints = ''): Promise<void> {
    await this.launch(failpoints).ready(60_000);
  }

  /** A new process in this place, which may never become ready. */
  launch(failpoints = ''): ServiceProcess {
    const env = { PATH: process.env['PATH'], HOME: tmpdir(), ...this.env, ROLES: this.role, FAILPOINTS: failpoints };
    const child = spawn(process.execPath, [this.program], { env, cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] });
    const started = new ServiceProcess(child, this.url, false);
    this.#process = started;
    this.started += 1;
    void started.ended.then((ending) => {
      if (this.#process === started && !(failpoints && ending.signal === 'SIGKILL')) this.#noticed(started, ending);
    });
    return started;
  }

  /** kill -9, as a machine dies. */
  async kill(): Promise<void> {
    await this.#let()?.kill();
  }

  /** SIGTERM, as an operator ends it. @throws where it does not exit with 0 */
  async end(): Promise<void> {
    const ending = await this.#let()?.stop();
    if (ending && ending.code !== 0) this.unexpected.push(`${this.name}: SIGTERM ended with ${JSON.stringify(ending)}`);
  }

  stop(): void {
    this.#process?.signal('SIGSTOP');
  }

  resume(): void {
    this.#process?.signal('SIGCONT');
  }

  /** Waits until an armed failpoint has killed it. @returns whether that happened in time */
  async dies(within: number): Promise<boolean> {
    return until(`${this.name} dies`, () => !this.isRunning, within).catch(() => false);
  }

  get footprint(): Footprint {
    const { name } = this;
    const pid = this.#process?.pid ?? 0;
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
    return { name, megabytes: Math.round(kilobytes / 1024), handles: readdirSync(`/proc/${pid}/fd`).length };
  }

  /** From now on its end is no surprise. */
  #let(): ServiceProcess | undefined {
    const held = this.#process;
    this.#process = undefined;
    return held;
  }

  #noticed({ output }: ServiceProcess, ending: Ending): void {
    this.unexpected.push(`${this.name}: ended by itself with ${JSON.stringify(ending)}; ${output.slice(-500)}`);
  }
}
