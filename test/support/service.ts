import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { readConfig } from '../../src/config.js';
import { Service } from '../../src/service.js';
import { Api } from './api.js';
import type { TestDatabase } from './database.js';

/** A service in this process, on a real port. */
export interface TestService {
  readonly api: Api;
  readonly url: string;
  /** Everything it has logged, a JSON line each. */
  readonly log: readonly string[];
  stop(): Promise<void>;
}

/** Keys that every service of one test run shares, as replicas do. */
const KEYS = {
  OTP_KEYS: `test:${randomBytes(32).toString('base64')}`,
  CONTACT_KEYS: `test:${randomBytes(32).toString('base64')}`,
};

/** Most specs text one prefix more than anybody should; those of the limits set them. */
const NO_LIMITS = {
  LIMIT_PHONE: 'off',
  LIMIT_PHONE_ALL: 'off',
  LIMIT_PREFIX: 'off',
  GUARD_MIN_CONVERSION: '0',
};

/** Named, never made: the keys are given. */
const DATA_DIR = join(tmpdir(), 'agreement-spec-without-data');

/** The environment of a service under test: this database, a free port, events inside the process. */
export function testEnvironment(
  database: Pick<TestDatabase, 'url'>,
  env: Record<string, string> = {},
): Record<string, string> {
  const own = { NODE_ENV: 'test', PORT: '0', DATABASE_URL: database.url, DATA_DIR, MIGRATE: 'false' };
  return { ...own, ...KEYS, ...NO_LIMITS, ...env };
}

/** Starts a service, waits until it is ready, and stops it with the spec file if it is still running then. @param env more of its environment */
export async function startService(
  database: Pick<TestDatabase, 'url' | 'onEnd'>,
  env: Record<string, string> = {},
): Promise<TestService> {
  const log: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log.push(...chunk.toString().trimEnd().split('\n'));
      done();
    },
  });
  const config = readConfig(testEnvironment(database, env));
  const fatal = (error: Error): void => void log.push(JSON.stringify({ level: 'fatal', reason: String(error) }));
  const service = await Service.start(config, pino({ level: 'debug', base: null }, sink), fatal);
  database.onEnd(() => service.stop());
  await service.started;
  const url = await service.url();
  return { api: new Api(url), url, log, stop: () => service.stop() };
}
