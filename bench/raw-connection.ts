import { connect, type Socket } from 'node:net';

/** What a generator needs to know of an answer. */
export interface RawAnswer {
  readonly status: number;
  /** Whether it says when to come again. */
  readonly retryAfter: boolean;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
/** `HTTP/1.1 201`. */
const STATUS = [9, 12] as const;
const NOTHING = Buffer.alloc(0);

/**
 * One connection of HTTP/1.1 that is kept, with one request on its way at a time. It understands just what servers under
 * test answer, a length and no chunks, so that a request costs the generator a tenth of what it costs the server.
 */
export class RawConnection {
  readonly #socket: Socket;
  #received: Buffer = NOTHING;
  #answer: ((answer: RawAnswer | undefined) => void) | undefined;
  closed = false;

  constructor(url: URL) {
    this.#socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
    this.#socket.on('data', (chunk) => this.#take(chunk));
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.closed = true;
      this.#settle(undefined);
    });
  }

  /** @param answered is told of the answer; of undefined where the connection closed instead */
  send(request: string, answered: (answer: RawAnswer | undefined) => void): void {
    this.#answer = answered;
    if (this.closed) this.#settle(undefined);
    else this.#socket.write(request);
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const end = this.#received.indexOf(END_OF_HEAD);
    if (end === -1) return;
    const head = this.#received.toString('latin1', 0, end);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#received.length < end + END_OF_HEAD.length + length) return;
    this.#received = NOTHING;
    const status = Number(head.slice(...STATUS));
    this.#settle({ status, retryAfter: /\r\nretry-after: *\d/i.test(head) });
  }

  #settle(answer: RawAnswer | undefined): void {
    const answered = this.#answer;
    this.#answer = undefined;
    answered?.(answer);
  }
}
