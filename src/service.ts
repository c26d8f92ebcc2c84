import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import type { Config } from './config.js';
import { Database, isUnavailable } from './database/index.js';
import { armFailpoints } from './failpoint.js';
import { Health } from './http/index.js';
import { createAdapter, installHooks } from './http/server.js';
import { KeyCheck } from './key-check.js';
import { type Logger, nestLogger } from './logger.js';
import { AgreementEventsConsumer, Sender } from './messaging/index.js';
import { MetricsServer } from './metrics-server.js';
import { OutboxRelay } from './outbox/index.js';
import { Sweeper } from './sweeper.js';

/** How often a start that lost its database in the middle asks for it again. */
const RETRY_DATABASE = 500;
/** The parts of `SHUTDOWN_TIMEOUT` after which work and then requests in hand are cut off; the rest is for closing. */
const WORK_SHARE = 0.8;
const REQUESTS_SHARE = 0.9;
const CLOSE_IDLE_EVERY = 50;

/** A process of the service, from its first breath to its last. */
export class Service {
  readonly #starting = new AbortController();
  #stopping: Promise<void> | undefined;
  #started: Promise<boolean> = Promise.resolve(false);

  private constructor(
    private readonly app: NestFastifyApplication,
    private readonly config: Config,
    private readonly logger: Logger,
  ) {}

  /**
   * Listens, and then connects in the background: the port answers while PostgreSQL and Kafka are still coming up.
   * @param onFatal called when the process should end: it cannot work, and waiting would not help
   * @throws where the port is taken or the program itself is not whole (a message without a handler)
   */
  static async start(config: Config, logger: Logger, onFatal: (error: Error) => void): Promise<Service> {
    armFailpoints(config.failpoints);
    const app = await NestFactory.create<NestFastifyApplication>(
      AppModule.for(config, logger),
      createAdapter(config, logger),
      {
        logger: nestLogger(logger),
        bodyParser: false,
        abortOnError: false,
      },
    );
    const service = new Service(app, config, logger);
    installHooks(app, config, logger);
    if (!config.production) {
      const { serveDocs } = await import('./openapi.js');
      serveDocs(app);
    }
    for (const what of service.#dependencies()) app.get(Health).waitFor(what);
    await service.#listen();
    service.#started = service.#connect(onFatal).then(
      () => true,
      (error: unknown) => {
        if (!service.#starting.signal.aborted) onFatal(error instanceof Error ? error : new Error(String(error)));
        return false;
      },
    );
    return service;
  }

  /** Where it listens, with the port that was really taken. */
  async url(): Promise<string> {
    return this.app.getUrl();
  }

  /** Resolves when everything that this process needs has been reached; false where it was stopped before, or cannot go on. */
  get started(): Promise<boolean> {
    return this.#started;
  }

  /**
   * Goes down in order: not ready, but still serving for `SHUTDOWN_DELAY`; then requests, messages and sends in hand
   * are finished, and the connections close last. What does not end within `SHUTDOWN_TIMEOUT` is cut off: everything
   * is made to be done again.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Ends at once, for a process that cannot go on: only the embedded PostgreSQL has to be shut down. */
  async abandon(): Promise<void> {
    this.#starting.abort(new Error('abandoned'));
    await this.app.get(Database).close();
  }

  get #needsKafka(): boolean {
    const { kafka, roles } = this.config;
    return kafka !== undefined && (roles.has('relay') || roles.has('worker'));
  }

  /** @throws where a port is taken; then none is held */
  async #listen(): Promise<void> {
    const { port, host } = this.config.http;
    await this.app.get(MetricsServer).start();
    try {
      await this.app.listen(port, host);
    } catch (error) {
      await this.app.get(MetricsServer).stop();
      throw error;
    }
  }

  #dependencies(): string[] {
    return ['database', ...(this.#needsKafka ? ['kafka'] : [])];
  }

  async #connect(onFatal: (error: Error) => void): Promise<void> {
    const { signal } = this.#starting;
    const { roles } = this.config;
    const health = this.app.get(Health);
    await this.app.get(Database).connect(signal, onFatal);
    await this.#checkKeys(signal);
    signal.throwIfAborted();
    health.reached('database');
    if (roles.has('worker')) {
      this.app.get(Sender).start();
      this.app.get(Sweeper).start();
    }
    await Promise.all([
      roles.has('relay') ? this.app.get(OutboxRelay).start(signal) : undefined,
      roles.has('worker') ? this.app.get(AgreementEventsConsumer).start(signal, onFatal) : undefined,
    ]);
    health.reached('kafka');
  }

  /** A database that goes away between two statements of the start is waited for like one that is not there yet. */
  async #checkKeys(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        return await this.app.get(KeyCheck).run();
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        await delay(RETRY_DATABASE, undefined, { signal });
      }
    }
  }

  async #stop(): Promise<void> {
    const { shutdown } = this.config;
    this.app.get(Health).stop();
    this.logger.info('stopping');
    await delay(shutdown.delay);
    this.#starting.abort(new Error('stopping'));
    const after = (share: number): AbortSignal => AbortSignal.timeout(shutdown.timeout * share);
    const workEnds = after(WORK_SHARE);
    const requestsEnd = after(REQUESTS_SHARE);
    const end = after(1);
    await this.#inTime('start', workEnds, this.#started);
    await Promise.all([
      this.#inTime('messages', workEnds, this.app.get(AgreementEventsConsumer).stop()),
      this.#inTime('sweep', workEnds, this.app.get(Sweeper).stop()),
      this.#inTime('sends', requestsEnd, this.app.get(Sender).stop(workEnds)),
      this.#inTime('events', workEnds, this.app.get(OutboxRelay).stop()),
    ]);
    await this.#inTime('connections', end, this.#close(requestsEnd));
    await this.#inTime('database', end, this.app.get(Database).close());
    await this.app.get(MetricsServer).stop();
    this.logger.info('stopped');
  }

  /** @param deadline ends requests too: a client that never completes its own would keep us for ever */
  async #close(deadline: AbortSignal): Promise<void> {
    const server = this.app.getHttpServer();
    const cutOff = (): void => server.closeAllConnections();
    deadline.addEventListener('abort', cutOff);
    if (deadline.aborted) cutOff();
    // A connection that was answering when the server closed is kept alive afterwards, for its client's next request.
    const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY);
    await this.app.close();
    clearInterval(idle);
    deadline.removeEventListener('abort', cutOff);
  }

  async #inTime(what: string, deadline: AbortSignal, work: Promise<unknown>): Promise<void> {
    const late = deadline.aborted ? Promise.resolve('late') : once(deadline, 'abort').then(() => 'late');
    if ((await Promise.race([work, late])) === 'late') {
      this.logger.warn({ what }, 'not finished in time; left for later');
    }
  }
}
