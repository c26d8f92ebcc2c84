import { hash, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type ApiKey, CONFIG, type Config, type Scope } from '../config.js';
import { keyId } from '../settings.api-keys.js';
import { Problem } from './problem.js';
import { countHeader } from './raw-headers.js';
import { scopeOf } from './route-scopes.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Which key the request came with; empty where it came with none. */
    keyId: string;
  }
}

/** Who everybody is while no keys are configured. */
const LOCAL = 'local';

/** The keys that open the service now, and what they open. */
@Injectable()
export class ApiKeys {
  #keys: readonly ApiKey[] | undefined;

  constructor(@Inject(CONFIG) config: Config) {
    this.#keys = config.apiKeys;
  }

  get all(): readonly ApiKey[] {
    return this.#keys ?? [];
  }

  /** From the next request on these are good and no others. @param keys at least one */
  replace(keys: readonly ApiKey[]): void {
    this.#keys = keys;
  }

  /**
   * Notes whose request it is.
   * @returns why it may not pass: its key is missing, unknown or lacks the scope of the route; undefined where it may
   */
  refusalOf(request: FastifyRequest): Problem | undefined {
    const scope = scopeOf(request.method, request.routeOptions.url);
    if (scope === 'public') return undefined;
    if (this.#keys) {
      const key = keyOf(request, this.#keys);
      if (!key) return new Problem('unauthorized');
      request.client = key.client;
      request.keyId = keyId(key);
      return scope && allows(key.scopes, scope) ? undefined : new Problem('forbidden');
    }
    request.client = LOCAL;
    return scope ? undefined : new Problem('forbidden');
  }
}

/** An `admin` may do all that concerns its own agreements. */
function allows(scopes: ReadonlySet<Scope>, scope: Scope): boolean {
  return scopes.has(scope) || (scope !== 'operator' && scopes.has('admin'));
}

/** Compares with every key, so that the time tells nothing of which one was close (ASVS 11.2.4). */
function keyOf({ raw }: FastifyRequest, keys: readonly ApiKey[]): ApiKey | undefined {
  const presented = /^Bearer +(\S+)$/i.exec(raw.headers.authorization ?? '')?.[1];
  if (presented === undefined || countHeader(raw.rawHeaders, 'authorization') > 1) return undefined;
  const digest = hash('sha256', presented, 'buffer');
  return keys.filter((key) => timingSafeEqual(key.digest, digest)).at(0);
}
