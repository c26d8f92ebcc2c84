import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * Spares whoever asks every second what they have already (RFC 9110 §13.1.2).
 * @returns the body, under its ETag; undefined with a 304 where `If-None-Match` names it
 */
export function ifChanged<T>(body: T, { headers }: FastifyRequest, reply: FastifyReply): T | undefined {
  const tag = `"${createHash('sha256').update(JSON.stringify(body)).digest('base64url')}"`;
  void reply.header('ETag', tag);
  const known = (headers['if-none-match'] ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''));
  if (!known.includes(tag) && !known.includes('*')) return body;
  void reply.status(304);
  return undefined;
}
