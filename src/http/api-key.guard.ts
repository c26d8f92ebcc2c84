import { createHash, timingSafeEqual } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type ApiKey, CONFIG, type Config, type Scope } from '../config.js';
import { Problem } from './problem.js';
import { ROUTE_SCOPES } from './route-scopes.js';

/** Who everybody is while no keys are configured. */
const LOCAL = 'local';

/** Lets a request pass that carries a key with the scope of its route. A route that is not in the table is closed. */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** @throws Problem unauthorized, forbidden */
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const scope = ROUTE_SCOPES[`${request.method} ${request.routeOptions.url ?? ''}`];
    if (scope === 'public') return true;
    const { apiKeys } = this.config;
    if (!apiKeys) {
      request.client = LOCAL;
      return true;
    }
    const key = keyOf(request.headers.authorization, apiKeys);
    if (!key) throw new Problem('unauthorized');
    request.client = key.client;
    if (!scope || !allows(key.scopes, scope)) throw new Problem('forbidden');
    return true;
  }
}

/** An `admin` may do all that concerns its own agreements. */
function allows(scopes: ReadonlySet<Scope>, scope: Scope): boolean {
  return scopes.has(scope) || (scope !== 'operator' && scopes.has('admin'));
}

/** Compares with every key, so that the time tells nothing of which one was close (ASVS 11.2.4). */
function keyOf(authorization: string | undefined, keys: readonly ApiKey[]): ApiKey | undefined {
  const presented = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (presented === undefined) return undefined;
  const digest = createHash('sha256').update(presented).digest();
  return keys.filter((key) => timingSafeEqual(key.digest, digest)).at(0);
}
