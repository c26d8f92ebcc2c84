import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { pin, startCpuMeter } from '../../machine.js';
import type { Template } from './backlog.js';

/** What a peer is told when it starts, as JSON on its command line. */
export interface PeerSettings {
  readonly peer: string;
  readonly databaseUrl: string;
  readonly template: Template;
  readonly brokers: string;
  readonly topic: string;
}

/** A library in this process, ready to work. */
export interface Peer {
  /** Makes its tables empty and then commits a backlog. */
  fill(rows: number): Promise<void>;
  /** Resolves when nothing of it is left. @returns how often a job was done */
  drained(): Promise<number>;
}

/** How a peer has drained a backlog. */
export interface PeerDrain extends Readonly<Record<string, number>> {
  readonly perSecond: number;
  /** Microseconds of CPU of its process for each job. */
  readonly serverCpu: number;
  readonly postgresCpu: number;
}

const ENDED = 'the peer has ended';

/** A library that others use for the same, in a process of its own with a database of its own. */
export class PeerProcess {
  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
  ) {}

  /** @param core where it runs; none leaves it to the scheduler */
  static async start(settings: PeerSettings, core: number | undefined): Promise<PeerProcess> {
    const script = fileURLToPath(new URL('peer-process.js', import.meta.url));
    const child = fork(script, [JSON.stringify(settings)], { env: {}, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const peer = new PeerProcess(settings.peer, child);
    try {
      await peer.#answer();
      if (core !== undefined && child.pid !== undefined) await pin(child.pid, core);
      return peer;
    } catch (error) {
      await peer.stop();
      throw error;
    }
  }

  /** Gives it a backlog and waits until that is gone. @throws where a job was not done, or twice */
  async drain(rows: number, postgres: number): Promise<PeerDrain> {
    if (!this.child.connected) throw new Error(`${this.name}: ${ENDED}`);
    this.child.send(rows);
    await this.#answer();
    const stop = await startCpuMeter({ postgres });
    const answer = (await this.#answer()) as Omit<PeerDrain, 'postgresCpu'>;
    const use = await stop();
    return { ...answer, postgresCpu: ((use?.postgres ?? NaN) * 1000) / rows } as PeerDrain;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }

  async #answer(): Promise<unknown> {
    const stop = new AbortController();
    const { signal } = stop;
    try {
      return await Promise.race([
        once(this.child, 'message', { signal }).then(([answer]) => answer as unknown),
        once(this.child, 'exit', { signal }).then(() => Promise.reject(new Error(`${this.name}: ${ENDED}`))),
      ]);
    } finally {
      stop.abort();
    }
  }
}
