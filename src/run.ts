import { type Config, ConfigError, readConfig } from './config.js';
import { createLogger, type Logger } from './logger.js';
import { endOfLoading, leaveOutDocumentation } from './memory.js';
import type { Service } from './service.js';
import { textSizes } from './settings.texts.js';
import { explain, greeting } from './terminal.js';

/** How long after the deadline of the shutdown the process ends itself, finished or not. */
const LAST_RESORT = 1_000;
/** So long a process that cannot go on may take to leave no embedded PostgreSQL behind. */
const ABANDON_WITHIN = 5_000;

async function live(handleSignals: (stop: () => void) => void): Promise<void> {
  const config = readConfig();
  const logger = createLogger(config.logLevel);
  for (const warning of config.warnings) logger.warn(warning);
  for (const size of textSizes(config)) logger.info(size, 'the text as an SMS');
  if (!config.apiKeys) logger.warn('API_KEYS is not set: everybody who reaches this port may do everything');

  let service: Service | undefined;
  let failed = false;
  const fail = (error: unknown): void => {
    if (failed) return;
    failed = true;
    const reason = explain(error, config);
    logger.fatal({ reason }, 'the service cannot go on');
    process.stderr.write(`The service cannot go on: ${reason}\n`);
    const exit = (): never => process.exit(1);
    setTimeout(exit, ABANDON_WITHIN);
    (service?.abandon() ?? Promise.resolve()).then(exit, exit);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);

  try {
    service = await startService(config, logger, fail);
  } catch (error) {
    return fail(error);
  }
  const running = service;
  const stop = (): void => {
    const { delay, timeout } = config.shutdown;
    setTimeout(() => fail(new Error('SHUTDOWN_TIMEOUT is over')), delay + timeout + LAST_RESORT).unref();
    running.stop().then(() => process.exit(0), fail);
  };
  handleSignals(stop);

  if (!(await service.started)) return;
  endOfLoading();
  const url = await service.url();
  logger.info({ url, roles: [...config.roles] }, 'ready');
  if (!config.production) process.stderr.write(greeting(url));
}

/** Only now is the rest of the program loaded: what of it is wanted, the configuration says. */
async function startService(config: Config, logger: Logger, fail: (error: Error) => void): Promise<Service> {
  if (config.production) leaveOutDocumentation();
  const { Service } = await import('./service.js');
  return Service.start(config, logger, fail);
}

/**
 * The process of the service: reads the environment, starts, and stays until a signal or a fault ends it.
 * @param handleSignals takes what SIGTERM and SIGINT should do from then on
 */
export async function run(handleSignals: (stop: () => void) => void): Promise<void> {
  try {
    await live(handleSignals);
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
