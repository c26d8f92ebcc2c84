import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { Config } from '../config.js';
import type { Logger } from '../logger.js';
import { Metrics } from '../metrics.js';
import { ApiKeys } from './api-keys.js';
import { refuseOverload } from './back-pressure.js';
import { boundConnections, HEADER_BYTES, TIMES } from './connection-limits.js';
import { Health } from './health.js';
import { noSuchRoute } from './problem.filter.js';
import { limitOf, Problem } from './problem.js';
import { send } from './problem-document.js';
import { REPLAYED, tellReplays } from './replays.js';
import { answerInTime } from './request-deadline.js';
import { requestIdOf } from './request-id.js';
import { RouteTable } from './route-table.js';
import { SECURITY_HEADERS } from './security-headers.js';
import { answerConnect, answerUnreadable, faultOf, readableUrl } from './unreadable-requests.js';

const BODY_LIMIT = 16 * 1024;
const RECEIPTS = '/v1/delivery/:provider';
/** Providers put hundreds of receipts into one body. */
const RECEIPTS_LIMIT = 256 * 1024;

/** What is logged of a reference's place in the path: a mistaken caller may have put a phone number there. */
const REFERENCE = /(?<![^/])[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Fastify with the limits of the contract. */
export function createAdapter(config: Config, logger: Logger): FastifyAdapter {
  const { trustedProxies } = config.http;
  const { headersTimeout, connectionsCheckingInterval, requestTimeout, connectionTimeout } = TIMES;
  const adapter = new FastifyAdapter({
    // A request without Host is refused by our hook, with a problem document.
    http: { maxHeaderSize: HEADER_BYTES, headersTimeout, connectionsCheckingInterval, requireHostHeader: false },
    requestTimeout,
    connectionTimeout,
    // Nothing here is middleware of Express.
    skipMiddie: true,
    bodyLimit: BODY_LIMIT,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    // No shorter than what Node takes for a request line: what is too long for a reference is an unknown one.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: HEADER_BYTES },
    rewriteUrl: readableUrl,
    clientErrorHandler: (error, socket) => answerUnreadable(error, socket, logger),
    requestIdHeader: false,
    genReqId: requestIdOf,
    forceCloseConnections: 'idle',
    // While the server closes, requests that are already on a connection are still served.
    return503OnClosing: false,
    logController: new LogController({ disableRequestLogging: true }),
  });
  const { server } = adapter.getInstance();
  boundConnections(server, logger);
  server.on('connect', (_request: IncomingMessage, socket: Socket) => answerConnect(socket, logger));
  // To our hook as well.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
  return adapter;
}

/** What every request goes through outside the controllers. Call it before the application registers its routes. */
export function installHooks(app: NestFastifyApplication, config: Config, logger: Logger): void {
  const fastify = app.getHttpAdapter().getInstance();
  const routes = app.get(RouteTable);
  const metrics = app.get(Metrics);
  const health = app.get(Health);
  fastify.decorateRequest('client', '');
  fastify.decorateRequest('keyId', '');
  fastify.decorateRequest('problem', null);
  fastify.addHook('onRoute', (route) => routes.add(route));
  acceptOnlyJson(fastify);
  acceptReceipts(fastify);
  answerInTime(fastify);
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.headers({ ...SECURITY_HEADERS, 'X-Request-Id': request.id, 'Cache-Control': 'no-store' });
    const fault = faultOf(request.raw);
    if (fault) refuse(fault, request, reply.header('Connection', 'close'));
    else if (!config.apiKeys && !isOurs(request, config))
      refuse(new Problem('forbidden', { reason: 'host' }), request, reply);
    else if (request.method === 'OPTIONS') answerOptions(request, reply, routes);
    // Before the body is read: whatever it is, there is nobody to give it to.
    else if (request.is404) refuse(noSuchRoute(routes.methodsOf(request.url)), request, reply);
    else done();
  });
  refuseOverload(fastify, { metrics, logger, refuse, health });
  askForKeys(fastify, app.get(ApiKeys));
  tellReplays(fastify);
  closeWhileStopping(fastify, health);
  fastify.addHook('onResponse', (request, reply, done) => {
    logRequest(logger, request, reply);
    countRequest(metrics, request, reply);
    done();
  });
  if (config.http.corsOrigins.length > 0) {
    app.enableCors({
      origin: [...config.http.corsOrigins],
      exposedHeaders: ['Location', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'X-Request-Id', REPLAYED],
      // It adds its headers before our hook, which answers every OPTIONS, a browser's preflight or not.
      preflightContinue: true,
      strictPreflight: false,
    });
  }
}

/** At the answer, not at the request: a connection that was taken before the shutdown must not stay open after it. */
function closeWhileStopping(fastify: FastifyInstance, health: Health): void {
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (health.stopping) reply.header('Connection', 'close');
    done(null, payload);
  });
}

/** Before the body is read: who may not send it is told so whatever it is, and costs nothing. */
function askForKeys(fastify: FastifyInstance, keys: ApiKeys): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    const refusal = keys.refusalOf(request);
    if (refusal) refuse(refusal, request, reply);
    else done();
  });
}

/** Forms and plain text are refused with 415. Many clients name a content type with no body: that is no body. */
function acceptOnlyJson(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (isReceipt(request)) takeBytes(request, body as Buffer, done);
    else if (body.length === 0) done(null, undefined);
    else if (!isPlain(request)) done(new Problem('malformed_request', { status: 415, reason: 'content_encoding' }));
    // Decoding would put U+FFFD in the place of what was sent.
    else if (!isUtf8(body as Buffer)) done(new Problem('malformed_request'));
    else void parse(request, body.toString(), done);
  });
}

/** They may be longer than what else comes, and forms, as some providers send them. */
function acceptReceipts(fastify: FastifyInstance): void {
  fastify.addHook('onRoute', (route) => {
    if (route.url === RECEIPTS) route.bodyLimit = RECEIPTS_LIMIT;
  });
  fastify.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, (request, body, done) => {
    if (isReceipt(request)) takeBytes(request, body as Buffer, done);
    else done(new Problem('malformed_request', { status: 415 }));
  });
}

/** Providers sign the bytes. */
function takeBytes(request: FastifyRequest, body: Buffer, done: (error: Error | null, body?: Buffer) => void): void {
  if (isPlain(request)) done(null, body);
  else done(new Problem('malformed_request', { status: 415, reason: 'content_encoding' }));
}

function isReceipt(request: FastifyRequest): boolean {
  return request.routeOptions.url === RECEIPTS;
}

/** A small body may unpack into a large one, so no coding is taken. */
function isPlain({ headers }: FastifyRequest): boolean {
  const coding = headers['content-encoding'];
  return coding === undefined || coding.toLowerCase() === 'identity';
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
  // A page that asks every second whether there is news would fill the log with its asking.
  const level = reply.statusCode === 304 ? 'debug' : 'info';
  logger[level](
    {
      request_id: request.id,
      method: request.method,
      route: request.routeOptions.url ?? 'unknown',
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      client: request.client || undefined,
      key: request.keyId || undefined,
      reference: REFERENCE.exec(reference ?? (typeof created === 'string' ? created : ''))?.[0],
      replayed: reply.hasHeader(REPLAYED) || undefined,
      ...(problem
        ? {
            problem: problem.code,
            attempts_left: problem.details.attempts_left,
            reason: problem.details.reason,
            limit: problem.details.limit,
          }
        : {}),
    },
    'request',
  );
}
