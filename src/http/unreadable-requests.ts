import { randomUUID } from 'node:crypto';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Problem } from './problem.js';
import { documentOf, PROBLEM_TYPE } from './problem-document.js';

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

const STATUS_BY_ERROR: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** The last answer on a connection whose bytes are not HTTP, so that there is no request to answer to. */
export function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = STATUS_BY_ERROR[error.code ?? ''] ?? 400;
  const id = randomUUID();
  const problem = new Problem('malformed_request', { status, reason: 'http' });
  const body = JSON.stringify(documentOf(problem, `urn:uuid:${id}`, 'ru'));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Content-Language: ru',
    'Cache-Control: no-store',
    `X-Request-Id: ${id}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
