import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { Certificate } from './certificates.js';
import { until } from './until.js';

/** One request as the provider got it. */
export interface SmsRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: { readonly id: string; readonly to: string; readonly text: string; readonly sender: string | null };
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
  /** Bytes of the answer that the other side took, once it is over. */
  readonly answered: Promise<number>;
}

/** What the provider does with a request. */
export type SmsAnswer = (response: ServerResponse) => void | Promise<void>;

const json = { 'content-type': 'application/json' };

/** The answers of a provider, by what they mean. */
export const answers = {
  accepted:
    (body: unknown = { message_id: 'm-1' }, status = 202): SmsAnswer =>
    (response) =>
      void response.writeHead(status, json).end(JSON.stringify(body)),
  acceptedWithout: ((response) => void response.writeHead(204).end()) as SmsAnswer,
  status:
    (status: number, headers: Record<string, string> = {}): SmsAnswer =>
    (response) =>
      void response.writeHead(status, { ...json, ...headers }).end('{"error": "no"}'),
  /** Says it after so many milliseconds. */
  slow:
    (milliseconds: number): SmsAnswer =>
    async (response) => {
      await delay(milliseconds);
      await answers.accepted()(response);
    },
  /** Takes the request and never says anything. */
  hang: (() => undefined) as SmsAnswer,
  /** The status, and then nothing more. */
  hangInBody: ((response) =>
    void response.writeHead(202, { ...json, 'content-length': '100' }).write('{')) as SmsAnswer,
  /** Closes hard without an answer after it has read the whole request. */
  reset: ((response) => void response.socket?.resetAndDestroy()) as SmsAnswer,
  garbage: ((response) => void response.socket?.end('\0\0 this is not HTTP\r\n\r\n')) as SmsAnswer,
  /** An acceptance of so many bytes; goes on until the other side has enough. */
  huge:
    (bytes: number): SmsAnswer =>
    (response) => {
      const chunk = Buffer.alloc(64 * 1024, ' ');
      let left = bytes;
      const more = (): void => {
        while (left > 0 && !response.destroyed) {
          left -= chunk.length;
          if (!response.write(chunk)) return void response.once('drain', more);
        }
        response.end();
      };
      response.writeHead(200, json);
      more();
    },
};

/** An SMS provider that speaks the JSON of the `http` provider, does as it is told, and remembers everything. */
export class SmsServer {
  readonly requests: SmsRequest[] = [];
  /** The most requests that waited for their answer at one time. */
  mostAtOnce = 0;
  #open = 0;
  readonly #scripts = new Map<string, SmsAnswer[]>();
  readonly #default: SmsAnswer = answers.accepted();

  private constructor(
    private readonly server: Server,
    private readonly scheme: 'http' | 'https',
    private readonly read: (body: string) => SmsRequest['body'],
  ) {
    server.on('request', (request, response) => void this.#take(request, response));
  }

  /** @param certificate makes it speak HTTPS @param read understands the requests of a gateway that speaks another way */
  static async start(
    certificate?: Certificate,
    read: (body: string) => SmsRequest['body'] = JSON.parse,
  ): Promise<SmsServer> {
    const options = { keepAliveTimeout: 60_000 };
    const server = certificate ? createSecureServer({ ...options, ...certificate }) : createServer(options);
    const provider = new SmsServer(server, certificate ? 'https' : 'http', read);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return provider;
  }

  get url(): string {
    return `${this.scheme}://127.0.0.1:${(this.server.address() as AddressInfo).port}/send`;
  }

  /** The settings of a service that uses this provider. */
  get environment(): Record<string, string> {
    return { SMS_PROVIDERS: 'http', SMS_HTTP_URL: this.url, SMS_HTTP_TOKEN: 'provider-token', SMS_SENDER: 'Agreement' };
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  /** The answers to the next texts to a number, in this order; after them the provider accepts. */
  willAnswer(phone: string, ...script: SmsAnswer[]): void {
    this.#scripts.set(phone, script);
  }

  to(phone: string): SmsRequest[] {
    return this.requests.filter(({ body }) => body.to === phone);
  }

  /** Waits for so many requests for a number and gives them. */
  async received(phone: string, count = 1, within = 10_000): Promise<SmsRequest[]> {
    return until(
      `${count} requests for ${phone}`,
      () => (this.to(phone).length >= count ? this.to(phone) : undefined),
      within,
    );
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = performance.now();
    const { method = '', url: path = '', headers } = request;
    const body = this.read(await text(request));
    const { socket } = response;
    const before = socket?.bytesWritten ?? 0;
    const answered = once(response, 'close').then(() => (socket?.bytesWritten ?? 0) - before);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#open);
    response.once('close', () => (this.#open -= 1));
    this.requests.push({ method, path, headers, body, at, answered });
    const answer = this.#scripts.get(body.to)?.shift() ?? this.#default;
    await answer(response);
  }
}
