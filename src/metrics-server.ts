import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from './config.js';
import { answerUnreadable, boundMetricsServer, HEADER_BYTES, Health, SECURITY_HEADERS, TIMES } from './http/index.js';
import { LOGGER, type Logger } from './logger.js';
import { Metrics } from './metrics.js';

const PLAIN = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';
const PATHS = new Set(['/metrics', '/health/live', '/health/ready']);

/**
 * `GET /metrics` on a port of its own, which nobody needs to let the world reach; nothing where there is no METRICS_PORT.
 * And the two probes once more: they answer here also while callers hold every connection of the other port.
 */
@Injectable()
export class MetricsServer {
  #server: Server | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly metrics: Metrics,
    private readonly health: Health,
  ) {}

  /** @throws where the port is taken */
  async start(): Promise<void> {
    const { host, metricsPort } = this.config.http;
    if (metricsPort === undefined) return;
    this.metrics.includeProcess();
    const limits = { ...TIMES, maxHeaderSize: HEADER_BYTES, requireHostHeader: false };
    const server = createServer(limits, (request, response) => void this.#answer(request, response));
    boundMetricsServer(server);
    server.on('clientError', (error, socket: Socket) => answerUnreadable(error, socket, this.logger));
    server.listen(metricsPort, host);
    await once(server, 'listening');
    this.#server = server;
  }

  /** Ends at once: whoever is being answered asks again. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  async #answer({ url, method }: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeaders(new Map(Object.entries({ ...SECURITY_HEADERS, 'Cache-Control': 'no-store' })));
    const [path = ''] = (url ?? '').split('?', 1);
    if (!PATHS.has(path)) response.writeHead(404, { 'Content-Type': PLAIN }).end('not found\n');
    else if (method !== 'GET') response.writeHead(405, { 'Content-Type': PLAIN, Allow: 'GET' }).end('GET only\n');
    else if (path !== '/metrics') await this.#answerProbe(path, response);
    else response.writeHead(200, { 'Content-Type': this.metrics.contentType }).end(await this.metrics.scrape());
  }

  async #answerProbe(path: string, response: ServerResponse): Promise<void> {
    const waitingFor = path === '/health/live' ? [] : await this.health.notReady();
    const body = waitingFor.length === 0 ? { status: 'ok' } : { status: 'not_ready', waiting_for: waitingFor };
    response.writeHead(waitingFor.length === 0 ? 200 : 503, { 'Content-Type': JSON_TYPE }).end(JSON.stringify(body));
  }
}
