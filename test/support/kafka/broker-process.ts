import { type ChildProcess, spawn } from 'node:child_process';
import type { Certificate } from '../certificates.js';

/** One broker that this process started, however it runs. */
export interface BrokerProcess {
  /** Of the process while it is one of this machine's own, for those who bind or measure it; none in a container. */
  readonly pid: number | undefined;
  start(): void;
  isRunning(): boolean;
  /** SIGKILL; resolves when it is dead. Nothing happens where it is not running. */
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Ends it and removes everything it wrote. */
  remove(): Promise<void>;
  /** The end of its log, for the error of a start that failed. */
  lastLines(): string;
}

/** A second listener, with TLS and SASL/PLAIN; clients are told to come to `localhost`. */
export interface SecureListener extends Certificate {
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

/** Where a broker listens on 127.0.0.1, and what is special about it. */
export interface BrokerPlace {
  readonly port: number;
  readonly controllerPort: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly secure?: SecureListener;
}

/**
 * Runs a shell script when this process ends, however it ends: a shell waits at the other end of a pipe, which the kernel
 * closes even after `kill -9`. Exit handlers would not run then, and brokers would pile up on the developer's machine.
 * @returns the shell; `kill` it with SIGKILL to call the whole thing off
 */
export function whenThisProcessEnds(script: string, ...args: string[]): ChildProcess {
  const shell = spawn('sh', ['-c', `read -r _; ${script}`, 'sh', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.unref();
  const pipe = shell.stdin as (typeof shell.stdin & { unref(): void }) | null;
  pipe?.unref();
  return shell;
}
