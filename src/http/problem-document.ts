import type { FastifyReply, FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';
import { type Quota, rateLimitHeaders } from '../limits/index.js';
import { type Problem, PROBLEMS } from './problem.js';
import { detailOf, type Language } from './problem-texts.js';

/** The content type of every problem document. */
export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** What is left to the client of its own limits; nothing where none is set. */
export function sayQuotas(reply: FastifyReply, quotas: readonly Quota[]): void {
  if (quotas.length === 0) return;
  const { policy, state } = rateLimitHeaders(quotas);
  reply.headers({ 'RateLimit-Policy': policy, RateLimit: state });
}

/** Writes the document; also used where no controller is involved. */
export function send(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
  const { allow, quotas, retry_after: retryAfter } = problem.details;
  if (retryAfter !== undefined) reply.header('Retry-After', String(retryAfter));
  if (allow) reply.header('Allow', allow.join(', '));
  if (quotas) sayQuotas(reply, quotas);
  if (problem.code === 'unauthorized') reply.header('WWW-Authenticate', challengeOf(problem));
  const language = languageOf(request);
  const [path = ''] = request.url.split('?', 1);
  void reply
    .status(problem.status)
    .header('Content-Language', language)
    .type(PROBLEM_TYPE)
    .send(JSON.stringify(documentOf(problem, path, language)));
}

/**
 * The problem document (RFC 9457).
 * @param instance what went wrong: the path of the request, or another URI where there is none
 */
export function documentOf({ code, status, details }: Problem, instance: string, language: Language): object {
  const type = `urn:agreement-service:problem:${code}`;
  const detail = detailOf(code, details, language);
  const document = { type, title: PROBLEMS[code].title, status, detail, instance, code };
  return { ...document, ...details, ...{ status, allow: undefined, quotas: undefined } };
}

/** What would be let in: a request that its provider has signed, or one with a key (RFC 9110 §11.6.1 wants one named). */
function challengeOf({ details }: Problem): string {
  return details.reason === 'signature' ? 'Signature' : 'Bearer';
}

/** The language in which whoever asks would rather read (Accept-Language): Russian where nothing says English. */
export function languageOf(request: Pick<FastifyRequest, 'raw'>): Language {
  const wanted = new Negotiator(request.raw).language(['ru', 'en']);
  return wanted === 'en' ? 'en' : 'ru';
}
