import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, maxHeaderSize } from 'node:http';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { Config } from '../config.js';
import type { Logger } from '../logger.js';
import { Metrics } from '../metrics.js';
import { Health } from './health.js';
import { noSuchRoute } from './problem.filter.js';
import { limitOf, Problem } from './problem.js';
import { send } from './problem-document.js';
import { answerInTime } from './request-deadline.js';
import { RouteTable } from './route-table.js';
import { answerUnreadable, readableUrl } from './unreadable-requests.js';

const BODY_LIMIT = 16 * 1024;

/** What may be taken over as a request id: it goes into logs and headers as it is. */
const REQUEST_ID = /^[\w.:+/=-]{1,128}$/;

/** Fastify with the limits of the contract. */
export function createAdapter(config: Config): FastifyAdapter {
  const { trustedProxies } = config.http;
  return new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    // No shorter than what Node takes for a request line: what is too long for a reference is an unknown one.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: maxHeaderSize },
    rewriteUrl: readableUrl,
    clientErrorHandler: answerUnreadable,
    requestIdHeader: false,
    genReqId: (request: IncomingMessage) => {
      const id = request.headers['x-request-id'];
      return typeof id === 'string' && REQUEST_ID.test(id) ? id : randomUUID();
    },
    forceCloseConnections: 'idle',
    // While the server closes, requests that are already on a connection are still served.
    return503OnClosing: false,
    logController: new LogController({ disableRequestLogging: true }),
  });
}

/** What every request goes through outside the controllers. Call it before the application registers its routes. */
export function installHooks(app: NestFastifyApplication, config: Config, logger: Logger): void {
  const fastify = app.getHttpAdapter().getInstance();
  const routes = app.get(RouteTable);
  const health = app.get(Health);
  const metrics = app.get(Metrics);
  fastify.decorateRequest('client', '');
  fastify.decorateRequest('problem', null);
  fastify.addHook('onRoute', (route) => routes.add(route));
  acceptOnlyJson(fastify);
  answerInTime(fastify);
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.headers({ 'X-Request-Id': request.id, 'Cache-Control': 'no-store' });
    if (!config.apiKeys && !isOurs(request, config))
      refuse(new Problem('forbidden', { reason: 'host' }), request, reply);
    else if (request.method === 'OPTIONS') answerOptions(request, reply, routes);
    // Before the body is read: whatever it is, there is nobody to give it to.
    else if (request.is404) refuse(noSuchRoute(routes.methodsOf(request.url)), request, reply);
    else done();
  });
  // At the answer, not at the request: a connection that was taken before the shutdown must not stay open after it.
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (health.stopping) reply.header('Connection', 'close');
    done(null, payload);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    logRequest(logger, request, reply);
    countRequest(metrics, request, reply);
    done();
  });
  if (config.http.corsOrigins.length > 0) {
    app.enableCors({
      origin: [...config.http.corsOrigins],
      exposedHeaders: ['Location', 'Retry-After', 'X-Request-Id'],
      // It adds its headers before our hook, which answers every OPTIONS, a browser's preflight or not.
      preflightContinue: true,
      strictPreflight: false,
    });
  }
}

/** Forms and plain text are refused with 415. Many clients name a content type with no body: that is no body. */
function acceptOnlyJson(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    // Decoding would put U+FFFD in the place of what was sent.
    else if (!isUtf8(body as Buffer)) done(new Problem('malformed_request'));
    else void parse(request, body.toString(), done);
  });
}

/**
 * While everybody may do everything, a page in somebody's browser must not reach the service under a name that its
 * author controls (DNS rebinding). Probes come by address and tell nothing.
 */
function isOurs(request: FastifyRequest, { http }: Config): boolean {
  if (request.url.startsWith('/health/')) return true;
  const { host = '' } = request.headers;
  const name = /^[\w.:[\]-]+$/.test(host) ? URL.parse(`http://${host}`)?.hostname : undefined;
  const publicName = http.publicUrl === undefined ? undefined : URL.parse(http.publicUrl)?.hostname;
  const names = ['localhost', '127.0.0.1', '[::1]', http.host, publicName];
  return name !== undefined && names.includes(name);
}

function refuse(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
  request.problem = problem;
  send(problem, request, reply);
}

function answerOptions(request: FastifyRequest, reply: FastifyReply, routes: RouteTable): void {
  const methods = routes.methodsOf(request.url);
  if (methods.length > 0) void reply.status(204).header('Allow', methods.join(', ')).send();
  else refuse(new Problem('not_found'), request, reply);
}

/** The template of its route and never its URL, which names an agreement. */
function countRequest({ httpRequests, limitHits }: Metrics, request: FastifyRequest, reply: FastifyReply): void {
  const route = request.routeOptions.url ?? 'unknown';
  httpRequests.observe({ route, method: request.method, status: reply.statusCode }, reply.elapsedTime / 1000);
  const limit = request.problem && limitOf(request.problem);
  if (limit) limitHits.inc({ limit });
}

/** One line for each request, without its query or body, which may hold a phone number or a code. */
function logRequest(logger: Logger, request: FastifyRequest, reply: FastifyReply): void {
  const { reference } = (request.params ?? {}) as { reference?: string };
  const created = reply.getHeader('location');
  const { problem } = request;
  logger.info(
    {
      request_id: request.id,
      method: request.method,
      route: request.routeOptions.url ?? 'unknown',
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      client: request.client || undefined,
      reference: reference ?? (typeof created === 'string' ? created.slice(created.lastIndexOf('/') + 1) : undefined),
      ...(problem
        ? { problem: problem.code, attempts_left: problem.details.attempts_left, reason: problem.details.reason }
        : {}),
    },
    'request',
  );
}
