import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from './config.js';
import { Metrics } from './metrics.js';

const PLAIN = 'text/plain; charset=utf-8';

/** `GET /metrics` on a port of its own, which nobody needs to let the world reach; nothing where there is no METRICS_PORT. */
@Injectable()
export class MetricsServer {
  #server: Server | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly metrics: Metrics,
  ) {}

  /** @throws where the port is taken */
  async start(): Promise<void> {
    const { host, metricsPort } = this.config.http;
    if (metricsPort === undefined) return;
    this.metrics.includeProcess();
    const server = createServer((request, response) => void this.#answer(request, response));
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
    response.setHeader('Cache-Control', 'no-store');
    const [path] = (url ?? '').split('?', 1);
    if (path !== '/metrics') response.writeHead(404, { 'Content-Type': PLAIN }).end('not found\n');
    else if (method !== 'GET') response.writeHead(405, { 'Content-Type': PLAIN, Allow: 'GET' }).end('GET only\n');
    else response.writeHead(200, { 'Content-Type': this.metrics.contentType }).end(await this.metrics.scrape());
  }
}
