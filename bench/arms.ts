import { createHash, randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ServerCommand } from './processes.js';

/** One of the programs that are compared: the same requests, the same guarantees, another way. */
export interface Arm {
  readonly name: string;
  /** Each must hold one row for each acknowledged create. */
  readonly tables: readonly string[];
  /** Whether each request has an Idempotency-Key of its own. */
  readonly keyed?: boolean;
  /** Brings an empty database up to where the program can start. */
  prepare(databaseUrl: string): Promise<void>;
  command(port: number, databaseUrl: string): ServerCommand;
}

/** The one API key; every arm knows only its SHA-256. */
export const KEY = randomBytes(24).toString('base64url');
const KEY_DIGEST = createHash('sha256').update(KEY).digest('hex');

const SECRET = `bench:${randomBytes(32).toString('base64')}`;

/** As in production, but so high that none refuses: 1000 is the most that is looked at with each request. */
const LIMITS = { LIMIT_PHONE: '1000/600,1000/86400', LIMIT_PHONE_ALL: '1000/86400', LIMIT_PREFIX: '1000/3600' };

const DIST = fileURLToPath(new URL('../dist', import.meta.url));

/** The service as it is built in a folder, in the role that takes requests. */
export function serviceArm(name: string, folder: string = DIST): Arm {
  const dist = resolve(folder);
  return {
    name,
    tables: ['agreement', 'history', 'outbox', 'limit_entry'],
    prepare: (databaseUrl) => migrate(dist, databaseUrl),
    command: (port, databaseUrl) => serviceCommand(port, databaseUrl, {}, join(dist, 'main.js')),
  };
}

/**
 * How the service is started on a migrated database, in the role that takes requests unless told otherwise.
 * @param settings added to its environment, or in the place of what is there
 * @param script what is run instead of the service as it is built here
 */
export function serviceCommand(
  port: number,
  databaseUrl: string,
  settings: Readonly<Record<string, string>> = {},
  script: string = join(DIST, 'main.js'),
): ServerCommand {
  const env = {
    NODE_ENV: 'development',
    ROLES: 'api',
    LOG_LEVEL: 'info',
    HOST: '127.0.0.1',
    PORT: String(port),
    DATABASE_URL: databaseUrl,
    MIGRATE: 'false',
    API_KEYS: `bench:${KEY_DIGEST}`,
    OTP_KEYS: SECRET,
    CONTACT_KEYS: SECRET,
    ...LIMITS,
    ...settings,
  };
  return { script, args: [], env };
}

/** The service, where saying that there is something to publish does nothing. */
export const SILENT: Arm = {
  ...serviceArm('ours-silent'),
  command: (port, databaseUrl) =>
    serviceCommand(port, databaseUrl, {}, fileURLToPath(new URL('silent-service/main.js', import.meta.url))),
};

/** The service, where each request comes with an Idempotency-Key. */
const KEYED: Arm = { ...serviceArm('ours-keyed'), keyed: true };

/** Its tables are the service's own, but it counts nothing for limits. */
function floor(name: string, ...args: string[]): Arm {
  return {
    name,
    tables: ['agreement', 'history', 'outbox'],
    prepare: (databaseUrl) => migrate(DIST, databaseUrl),
    command: (port, databaseUrl) => ownCommand('floor/main.js', port, databaseUrl, ...args),
  };
}

function textbook(name: string, ...args: string[]): Arm {
  return {
    name,
    tables: ['agreement', 'outbox'],
    prepare: async () => undefined,
    command: (port, databaseUrl) => ownCommand('textbook/main.js', port, databaseUrl, ...args),
  };
}

/** Every arm that can be asked for by name. */
export const ARMS: readonly Arm[] = [
  serviceArm('ours'),
  KEYED,
  textbook('textbook'),
  floor('floor'),
  floor('floor-batched', '--batched'),
  floor('floor-bare', '--bare'),
  floor('floor-batched-bare', '--batched', '--bare'),
  textbook('textbook-without-poller', '--no-poller'),
];

/** How the bare HTTP server of the canary is started. */
export function canaryCommand(port: number): ServerCommand {
  return ownCommand('canary.js', port, '');
}

function ownCommand(script: string, port: number, databaseUrl: string, ...more: string[]): ServerCommand {
  const args = ['--port', String(port), '--database-url', databaseUrl, '--key-digest', KEY_DIGEST, ...more];
  return { script: fileURLToPath(new URL(script, import.meta.url)), args, env: {} };
}

async function migrate(dist: string, databaseUrl: string): Promise<void> {
  const built = pathToFileURL(join(dist, 'database/index.js')).href;
  const { createDataSource } = (await import(built)) as typeof import('../src/database/index.js');
  const source = await createDataSource(databaseUrl, { ssl: 'off', sslCa: undefined }, []).initialize();
  try {
    await source.runMigrations();
  } finally {
    await source.destroy();
  }
}
