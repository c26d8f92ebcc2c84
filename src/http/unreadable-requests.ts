import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '../logger.js';
import { MOST_HEADERS } from './connection-limits.js';
import { Problem } from './problem.js';
import { documentOf, PROBLEM_TYPE } from './problem-document.js';
import { countHeader } from './raw-headers.js';
import { SECURITY_HEADERS } from './security-headers.js';

/**
 * The target of a request in the form that the router can read, which would else answer by itself, past every hook:
 * the absolute form goes over into path and Host (RFC 9112 §3.2.2), a percent sign that begins no UTF-8 character is a
 * percent sign, and a fragment, which no client should send, is left out.
 */
export function readableUrl(request: IncomingMessage): string {
  const [target = ''] = (request.url ?? '').split('#', 1);
  if (target.startsWith('/')) return readable(target);
  const url = URL.parse(target);
  if (!url?.host) return '/';
  request.headers.host = url.host;
  return readable(url.pathname + url.search);
}

function readable(target: string): string {
  const [path = ''] = target.split('?', 1);
  try {
    decodeURIComponent(path);
    return target;
  } catch {
    return path.replaceAll('%', '%25') + target.slice(path.length);
  }
}

/**
 * What is wrong with a request that Node could read and HTTP does not allow; Node would answer some of it by itself, with
 * an empty body. Its Host must be there once (RFC 9112 §3.2), its expectation be one that exists (RFC 9110 §10.1.1).
 */
export function faultOf({ rawHeaders, headers, httpVersion }: IncomingMessage): Problem | undefined {
  if (rawHeaders.length > 2 * MOST_HEADERS) return malformed(431);
  if (httpVersion !== '1.1') return undefined;
  if (countHeader(rawHeaders, 'host') !== 1) return malformed(400);
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') return malformed(417);
  return undefined;
}

function malformed(status: number): Problem {
  return new Problem('malformed_request', { status, reason: status === 408 ? 'timeout' : 'http' });
}

const TIMED_OUT = 'ERR_HTTP_REQUEST_TIMEOUT';

const STATUS_BY_ERROR: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  [TIMED_OUT]: 408,
};

/** So long the other side may take to read the last answer. */
const GOODBYE_WITHIN = 2_000;

/** Node's own field: the answer that is on its way, or will be. */
type Answering = Socket & { readonly _httpMessage?: ServerResponse | null };

/** The last answer on a connection whose bytes are not HTTP, or do not come, so that there is no request to answer to. */
export function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket, logger: Logger): void {
  const answering = (socket as Answering)._httpMessage;
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
  } else if (answering?.req.complete && error.code !== TIMED_OUT) {
    // Of a whole request before the garbage, whose answer must not be taken for this one. Node has its own listener
    // before ours, and brings the next answer in line.
    answering.once('finish', () => answerUnreadable(error, socket, logger));
  } else if (answering?.headersSent) {
    socket.destroy();
  } else {
    refuse(malformed(STATUS_BY_ERROR[error.code ?? ''] ?? 400), error.code, socket, logger);
  }
}

/** No tunnel leads through here (RFC 9110 §9.3.6). */
export function answerConnect(socket: Socket, logger: Logger): void {
  socket.on('error', () => socket.destroy());
  refuse(malformed(400), 'CONNECT', socket, logger);
}

function refuse(problem: Problem, cause: string | undefined, socket: Socket, logger: Logger): void {
  const { status } = problem;
  const id = randomUUID();
  logger.info({ request_id: id, status, cause }, 'unreadable request');
  const body = JSON.stringify(documentOf(problem, `urn:uuid:${id}`, 'ru'));
  const headers = {
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': Buffer.byteLength(body),
    'Content-Language': 'ru',
    'Cache-Control': 'no-store',
    'X-Request-Id': id,
    ...SECURITY_HEADERS,
    Connection: 'close',
  };
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...fields];
  socket.setTimeout(GOODBYE_WITHIN, () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
