import { setTimeout as delay } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import type { Config } from './config.js';
import { Database } from './database/index.js';
import { Health } from './http/index.js';
import { createAdapter, installHooks } from './http/server.js';
import { KeyCheck } from './key-check.js';
import { type Logger, nestLogger } from './logger.js';
import { AgreementEventsConsumer, Sender } from './messaging/index.js';
import { serveDocs } from './openapi.js';
import { OutboxRelay } from './outbox/index.js';
import { Sweeper } from './sweeper.js';

/** A process of the service, from its first breath to its last. */
export class Service {
  readonly #starting = new AbortController();
  #stopping: Promise<void> | undefined;
  #started: Promise<void> = Promise.resolve();

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
    const app = await NestFactory.create<NestFastifyApplication>(AppModule.for(config, logger), createAdapter(config), {
      logger: nestLogger(logger),
      bodyParser: false,
      abortOnError: false,
    });
    const service = new Service(app, config, logger);
    installHooks(app, config, logger);
    if (!config.production) serveDocs(app);
    for (const what of service.#dependencies()) app.get(Health).waitFor(what);
    await app.listen(config.http.port, config.http.host);
    service.#started = service.#connect(onFatal).catch((error: unknown) => {
      if (!service.#starting.signal.aborted) onFatal(error instanceof Error ? error : new Error(String(error)));
    });
    return service;
  }

  /** Where it listens, with the port that was really taken. */
  async url(): Promise<string> {
    return this.app.getUrl();
  }

  /** Resolves when everything that this process needs has been reached, or it was stopped before. */
  get started(): Promise<void> {
    return this.#started;
  }

  /**
   * Goes down in order: not ready, but still serving for `SHUTDOWN_DELAY`; then requests, messages and sends in hand
   * are finished, and the connections close last.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  get #needsKafka(): boolean {
    const { kafka, roles } = this.config;
    return kafka !== undefined && (roles.has('relay') || roles.has('worker'));
  }

  #dependencies(): string[] {
    return ['database', ...(this.#needsKafka ? ['kafka'] : [])];
  }

  async #connect(onFatal: (error: Error) => void): Promise<void> {
    const { signal } = this.#starting;
    const { roles } = this.config;
    const health = this.app.get(Health);
    await this.app.get(Database).connect(signal, onFatal);
    await this.app.get(KeyCheck).run();
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

  async #stop(): Promise<void> {
    this.app.get(Health).stop();
    this.logger.info('stopping');
    await delay(this.config.shutdown.delay);
    this.#starting.abort(new Error('stopping'));
    await this.#started;
    await Promise.all([
      this.app.get(AgreementEventsConsumer).stop(),
      this.app.get(Sweeper).stop(),
      this.app.get(Sender).stop(),
      this.app.get(OutboxRelay).stop(),
    ]);
    await this.app.close();
    await this.app.get(Database).close();
    this.logger.info('stopped');
  }
}
