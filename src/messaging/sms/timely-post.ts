import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { SmsTime } from './sms-gateway.js';

/** Nothing was written: whoever should have got it knows nothing of it. */
export class NotSent extends Error {
  /** @param reason a word for the record: an error's code, `late`, `not_connected` or `connection_lost` */
  constructor(readonly reason: string) {
    super(reason);
  }
}

/** Below what servers commonly close idle connections after (5 s and more): who writes later may write to nobody. */
const IDLE_FOR = 4_000;
/**
 * All that were in use at one time may be used again. With 64 a burst of 200 texts opened and closed the others each time: a
 * tenth of a worker's CPU without TLS.
 */
const KEPT_IDLE = 10_000;
/** A reused connection may turn out closed; the next in store may too, but not all of a busy minute's. */
const STALE_AT_MOST = 3;

/** What is asked of the provider. */
export interface TimelyRequest {
  readonly method: string;
  /** Path and query, where they are other than those of the provider's URL. */
  readonly target?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: none. */
  readonly body: string | null;
}

/** One provider, by HTTP over connections that are kept. */
export class TimelyPost {
  readonly #url: URL;
  readonly #request: typeof httpRequest;
  readonly #agent: HttpAgent;

  constructor(url: string) {
    this.#url = new URL(url);
    const secure = this.#url.protocol === 'https:';
    this.#request = secure ? httpsRequest : httpRequest;
    const options = { keepAlive: true, timeout: IDLE_FOR, maxFreeSockets: KEPT_IDLE };
    this.#agent = secure ? new HttpsAgent(options) : new HttpAgent(options);
  }

  /**
   * Connects, looks at the clock and writes the whole request in the same breath: a process that is stopped in between
   * sends nothing when it goes on. (With the look before `fetch`, 7 texts of 100 went out late.)
   * @returns the head of the answer; its body is the caller's to read or to destroy
   * @throws NotSent where that is certain; anything else where the other side may have it
   */
  async ask(asked: TimelyRequest, time: SmsTime): Promise<IncomingMessage> {
    for (let stale = 0; ; stale += 1) {
      const request = this.#open(asked, time.signal, stale < STALE_AT_MOST);
      try {
        return await sent(request, asked.body, time);
      } catch (error) {
        const wasStale = error instanceof NotSent && request.reusedSocket && !time.signal.aborted;
        if (!wasStale || error.reason === 'late' || stale >= STALE_AT_MOST) throw error;
      }
    }
  }

  /** A request of which nothing has been written. */
  #open({ method, target, headers, body }: TimelyRequest, signal: AbortSignal, kept: boolean): ClientRequest {
    const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    return this.#request(this.#url, {
      method,
      ...(target === undefined ? {} : { path: target }),
      agent: kept ? this.#agent : false,
      signal,
      headers: { ...headers, ...length },
    });
  }
}

function sent(request: ClientRequest, body: string | null, { sendBefore, signal }: SmsTime): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  let written = false;
  request.on('error', (error: NodeJS.ErrnoException) => {
    if (written || error instanceof NotSent) reject(error);
    else reject(new NotSent(signal.aborted ? 'not_connected' : (error.code ?? 'connection_lost')));
  });
  request.once('response', resolve);
  request.once('socket', (socket) => {
    whenUsable(socket, request.reusedSocket, () => {
      if (request.destroyed) return;
      if (performance.now() >= sendBefore) {
        request.destroy(new NotSent('late'));
        return;
      }
      written = true;
      request.end(body ?? undefined);
    });
  });
  return promise;
}

/** Calls back when a write goes straight to the network. */
function whenUsable(socket: Socket, reused: boolean, write: () => void): void {
  // One whole turn of the event loop, in which it is heard that the other side has closed the connection meanwhile.
  if (reused) setImmediate(() => setImmediate(write));
  else if ('encrypted' in socket) (socket as TLSSocket).once('secureConnect', write);
  else if (socket.connecting) socket.once('connect', write);
  else write();
}
