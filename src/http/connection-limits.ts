import type { Server } from 'node:http';
import type { Logger } from '../logger.js';

/** Bytes of the request line and the headers together; what is longer is refused with 431. */
export const HEADER_BYTES = 16 * 1024;

/** Callers send a dozen, proxies add a few. Node itself would leave out those above 2000 without a word. */
export const MOST_HEADERS = 100;

/**
 * Connections at one time. A proxy in front needs a few hundred at most. 2000 requests that stopped in the middle, with 8 KB
 * of headers and 8 KB of body each, cost 70 MB; more are closed as they come, and requests that are under way do not notice.
 */
const MOST_CONNECTIONS = 2_000;

/** In milliseconds. */
const WARN_EVERY = 60_000;

/** A scraper or two, and somebody who looks. */
const MOST_METRICS_CONNECTIONS = 50;

/**
 * Milliseconds. Our callers are servers, whose 16 KiB are here at once, or a proxy that hands on whole requests; who
 * takes longer holds a connection for its own sake (Slowloris).
 */
export const TIMES = {
  /** From the connection or the request's first byte to the end of the headers; then 408. */
  headersTimeout: 5_000,
  /** Likewise to the end of the body. */
  requestTimeout: 10_000,
  /** Without a byte in or out while a request or its answer is on the way: who does not read is cut off. */
  connectionTimeout: 15_000,
  /** How often Node looks for those that are late. */
  connectionsCheckingInterval: 1_000,
} as const;

/**
 * Bounds the connections of the server that answers callers. Where all places are taken those that wait for a next request
 * lose theirs: else whoever opens enough of them and then does nothing would lock all others out for a minute at a time.
 */
export function boundConnections(server: Server, logger: Logger): void {
  server.maxConnections = MOST_CONNECTIONS;
  let warnedAt = -Infinity;
  server.on('drop', () => {
    server.closeIdleConnections();
    const now = performance.now();
    if (now - warnedAt < WARN_EVERY) return;
    warnedAt = now;
    logger.warn({ most: MOST_CONNECTIONS }, 'all connections are taken; one was dropped, and the idle ones are closed');
  });
}

/** All of it for the server of the metrics. */
export function boundMetricsServer(server: Server): void {
  server.maxConnections = MOST_METRICS_CONNECTIONS;
  server.setTimeout(TIMES.connectionTimeout);
}
