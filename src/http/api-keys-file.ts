import { readFile } from 'node:fs/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type ApiKey, CONFIG, type Config, ConfigError, readApiKeys } from '../config.js';
import { LOGGER, type Logger } from '../logger.js';
import { keyId } from '../settings.api-keys.js';
import { ApiKeys } from './api-keys.js';

/** In milliseconds. A change holds after two looks, so within twice that. */
const LOOK_EVERY = 500;

/** What a look at the file has found: its text, or why there is none. */
type Sight = { readonly text: string } | { readonly fault: string };

/**
 * Takes the keys over again when the file behind `API_KEYS_FILE` changes. It is read rather than watched: a mounted
 * secret is changed by swapping links, and not every file system tells. What is seen is acted on when the next look
 * finds the same: a file that is just being written may end anywhere, also behind an entry, and look whole.
 */
@Injectable()
export class ApiKeysFile implements OnApplicationBootstrap, OnApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;
  #last = '';
  #dealtWith = '';
  #faulty = false;
  #stopped = false;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly keys: ApiKeys,
  ) {}

  onApplicationBootstrap(): void {
    const { apiKeysFile, roles } = this.config;
    if (apiKeysFile !== undefined && roles.has('api')) this.#lookLater(apiKeysFile);
  }

  onApplicationShutdown(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Not by an interval: a file system that hangs must not collect looks. */
  #lookLater(file: string): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#look(file).then(() => this.#lookLater(file)), LOOK_EVERY).unref();
  }

  async #look(file: string): Promise<void> {
    const sight = await lookAt(file);
    const seen = JSON.stringify(sight);
    if (seen === this.#last && seen !== this.#dealtWith) {
      this.#dealtWith = seen;
      this.#dealWith(sight);
    }
    this.#last = seen;
  }

  #dealWith(sight: Sight): void {
    const found = keysIn(sight);
    if ('fault' in found) {
      this.#faulty = true;
      this.logger.error({ reason: found.fault }, 'API_KEYS_FILE cannot be used; the keys stay as they were');
      return;
    }
    const [before, after] = [this.keys.all.map(nameOf), found.keys.map(nameOf)];
    const added = after.filter((name) => !before.includes(name));
    const removed = before.filter((name) => !after.includes(name));
    if (added.length + removed.length === 0 && !this.#faulty) return;
    this.#faulty = false;
    this.keys.replace(found.keys);
    this.logger.info({ keys_of: countByClient(found.keys), added, removed }, 'API keys taken over');
  }
}

async function lookAt(file: string): Promise<Sight> {
  try {
    return { text: await readFile(file, 'utf8') };
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    return { fault: `the file cannot be read (${code})` };
  }
}

function keysIn(sight: Sight): { readonly keys: readonly ApiKey[] } | { readonly fault: string } {
  if ('fault' in sight) return sight;
  try {
    const keys = readApiKeys({ API_KEYS: sight.text.trim() });
    return keys ? { keys } : { fault: 'the file holds no key' };
  } catch (error) {
    if (error instanceof ConfigError) return { fault: error.faults.join('; ') };
    throw error;
  }
}

/** Whose key it is, its id and its scopes: what has changed where one of them has. */
function nameOf(key: ApiKey): string {
  return `${key.client}:${keyId(key)}:${[...key.scopes].sort().join('+')}`;
}

function countByClient(keys: readonly ApiKey[]): Record<string, number> {
  const clients = Object.groupBy(keys, ({ client }) => client);
  return Object.fromEntries(Object.entries(clients).map(([client, its = []]) => [client, its.length]));
}
