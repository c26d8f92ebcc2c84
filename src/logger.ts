import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from './config.js';

export type { Logger } from 'pino';

/** Injection token of the one logger: JSON lines on stdout, no contact, code or key in any of them. */
export const LOGGER = Symbol('LOGGER');

/** @param level lines below it are not written */
export function createLogger(level: Config['logLevel']): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, new Gathered());
}

/** Milliseconds that a line waits for others at most, and bytes that do not wait. */
const GATHER = 20;
const ENOUGH = 15 * 1024;

/**
 * Writes lines a few at a time: handed over one by one, or turn by turn, to the thread that writes they cost a fifth of the
 * CPU time of a create. A thread, so that a slow reader of the log holds up no request. What is left is written at exit; a
 * process that is killed outright takes the lines of its last 20 ms along.
 */
class Gathered implements DestinationStream {
  readonly #stdout = pino.destination({ dest: 1, sync: false, minLength: ENOUGH });
  #timer: NodeJS.Timeout | undefined;

  write(line: string): void {
    this.#stdout.write(line);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#stdout.flush();
    }, GATHER).unref();
  }

  /** For the last words of a process; pino calls it after a fatal one. */
  flushSync(): void {
    this.#stdout.flushSync();
  }
}

/** Nest's own messages as lines of our logger; its start-up chatter only at `debug`. */
export function nestLogger(logger: Logger): LoggerService {
  return {
    log: (message: unknown, context?: string) => logger.debug({ context }, String(message)),
    debug: (message: unknown, context?: string) => logger.debug({ context }, String(message)),
    verbose: (message: unknown, context?: string) => logger.trace({ context }, String(message)),
    warn: (message: unknown, context?: string) => logger.warn({ context }, String(message)),
    error: (message: unknown, ...rest: unknown[]) => logger.error({ context: rest.at(-1) }, String(message)),
    fatal: (message: unknown, ...rest: unknown[]) => logger.fatal({ context: rest.at(-1) }, String(message)),
  };
}
