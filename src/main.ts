import 'reflect-metadata';
import { ConfigError, readConfig } from './config.js';
import { createLogger } from './logger.js';
import { Service } from './service.js';
import { explain, greeting } from './terminal.js';

/** How long after the deadline of the shutdown the process ends itself, finished or not. */
const LAST_RESORT = 1_000;

async function main(): Promise<void> {
  const config = readConfig();
  const logger = createLogger(config.logLevel);
  for (const warning of config.warnings) logger.warn(warning);
  if (!config.apiKeys) logger.warn('API_KEYS is not set: everybody who reaches this port may do everything');

  const fail = (error: unknown): never => {
    const reason = explain(error, config);
    logger.fatal({ reason }, 'the service cannot go on');
    process.stderr.write(`The service cannot go on: ${reason}\n`);
    process.exit(1);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);

  const service = await Service.start(config, logger, fail).catch(fail);
  const stop = (): void => {
    const { delay, timeout } = config.shutdown;
    setTimeout(() => fail(new Error('SHUTDOWN_TIMEOUT is over')), delay + timeout + LAST_RESORT).unref();
    service.stop().then(() => process.exit(0), fail);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);

  await service.started;
  const url = await service.url();
  logger.info({ url, roles: [...config.roles] }, 'ready');
  if (!config.production) process.stderr.write(greeting(url));
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : String(error)}\n`);
  process.exit(1);
}
