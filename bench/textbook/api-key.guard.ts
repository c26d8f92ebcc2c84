import { hash, timingSafeEqual } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** Injection token of the SHA-256 of the one key. */
export const KEY_DIGEST = Symbol('KEY_DIGEST');

@Injectable()
export class ApiKeyGuard implements CanActivate {
  constructor(@Inject(KEY_DIGEST) private readonly keyDigest: Buffer) {}

  canActivate(context: ExecutionContext): boolean {
    const { authorization = '' } = context.switchToHttp().getRequest<FastifyRequest>().headers;
    return timingSafeEqual(hash('sha256', authorization.slice('Bearer '.length), 'buffer'), this.keyDigest);
  }
}
