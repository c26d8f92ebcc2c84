import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { stringify } from 'safe-stable-stringify';
import type { KeyedRequest } from '../agreement/index.js';
import { Secret } from '../secret.js';
import { Problem } from './problem.js';

const NAME = 'Idempotency-Key';
/** Visible ASCII. The draft of the IETF has a quoted string; the quotes are then part of the key. */
const KEY = /^[\x21-\x7e]{1,255}$/;

/** The request as one that may be sent again, by its Idempotency-Key; null where it has none. */
export const IdempotencyKey = createParamDecorator((_: unknown, context: ExecutionContext): KeyedRequest | null => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const key = request.headers[NAME.toLowerCase()];
  if (key === undefined) return null;
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw new Problem('validation_failed', {
      errors: [{ field: NAME, message: 'must be 1 to 255 visible ASCII characters' }],
    });
  }
  // Nest gives a reply the status of its route before anything else.
  const { statusCode: status } = context.switchToHttp().getResponse<FastifyReply>();
  return { client: request.client, key, status, content: () => contentOf(request) };
});

/** The same for requests that mean the same: the order of keys, a slash at the end, no body or an empty one. */
function contentOf({ method, routeOptions, params, body }: FastifyRequest): Secret<string> {
  const { reference } = params as { reference?: string };
  return new Secret(stringify([method, routeOptions.url, reference?.toLowerCase() ?? null, body ?? {}]));
}
