import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../../http/index.js';

/**
 * Lets pass who is no page in a browser, or a page of this service. CORS asks first only where a request is not simple,
 * and lets those of CORS_ORIGINS in: they may create agreements, not switch a provider.
 */
@Injectable()
export class SameOriginGuard implements CanActivate {
  /** @throws Problem forbidden, reason origin */
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
    if (!isOwn(headers)) throw new Problem('forbidden', { reason: 'origin' });
    return true;
  }
}

/**
 * Browsers say it in `Sec-Fetch-Site` where the connection is trustworthy (W3C Fetch Metadata), and no page can. Else `Origin`
 * tells, unless a proxy has changed `Host`.
 */
function isOwn({ 'sec-fetch-site': site, origin, host }: FastifyRequest['headers']): boolean {
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  return origin === undefined || URL.parse(origin)?.host === host;
}
