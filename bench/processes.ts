import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { pin } from './machine.js';

const READY_WITHIN = 30_000;
const ASK_EVERY = 50;
const LAST_WORDS = 2_000;

export interface ServerCommand {
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A server under test. */
export class Server {
  #lastWords = '';

  private constructor(
    readonly name: string,
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /**
   * Starts it and waits until `readyPath` answers below 400. Its log goes nowhere; it is written all the same.
   * @throws where it ends or is not ready in time
   */
  static async start(
    name: string,
    command: (port: number) => ServerCommand,
    readyPath: string,
    core: number | undefined,
  ): Promise<Server> {
    const port = await freePort();
    const { script, args, env } = command(port);
    const child = spawn(process.execPath, [script, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const server = new Server(name, `http://127.0.0.1:${port}`, child);
    child.stderr
      .setEncoding('utf8')
      .on('data', (text: string) => (server.#lastWords = (server.#lastWords + text).slice(-LAST_WORDS)));
    await server.#untilReady(readyPath);
    if (core !== undefined) await pin(server.pid, core);
    return server;
  }

  async stop(): Promise<void> {
    if (this.#ended) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exited;
  }

  get #ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async #untilReady(path: string): Promise<void> {
    const deadline = performance.now() + READY_WITHIN;
    while (!this.#ended && performance.now() < deadline) {
      const response = await fetch(this.url + path).catch(() => undefined);
      await response?.body?.cancel();
      if (response && response.status < 400) return;
      await delay(ASK_EVERY);
    }
    await this.stop();
    throw new Error(`${this.name} did not become ready: ${this.#lastWords}`);
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}
