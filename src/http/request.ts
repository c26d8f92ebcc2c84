import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { randomHex } from '../uuid.js';
import type { Problem } from './problem.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose key the request came with. */
    client: string;
    /** How the request ended, where it ended badly. */
    problem: Problem | null;
  }
}

/** The client whose key the request came with. */
export const Client = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  return context.switchToHttp().getRequest<FastifyRequest>().client;
});

/** Who asks: the client, from the IP address of the connection or, behind one of TRUSTED_PROXIES, of X-Forwarded-For. */
export const From = createParamDecorator((_: unknown, context: ExecutionContext): { client: string; ip: string } => {
  const { client, ip } = context.switchToHttp().getRequest<FastifyRequest>();
  return { client, ip };
});

const TRACEPARENT = /^[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/;

/** The caller's trace, carried on (W3C Trace Context), or a new one. */
export const Traceparent = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const { traceparent } = context.switchToHttp().getRequest<FastifyRequest>().headers;
  if (typeof traceparent === 'string' && TRACEPARENT.test(traceparent)) return traceparent;
  return `00-${randomHex()}-${randomHex().slice(0, 16)}-00`;
});
