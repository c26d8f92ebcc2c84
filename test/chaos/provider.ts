import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

/** How the provider treats the first tries for a number; afterwards it accepts. */
export type Manner = 'accepts' | 'slow' | 'fails' | 'busy' | 'hangs' | 'resets' | 'refuses';

/** One text as the provider was asked to send it. */
export interface Text {
  readonly id: string;
  readonly to: string;
  readonly text: string;
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
  /** Whether it was answered as accepted; else the service has every reason to come again. */
  readonly accepted: boolean;
}

const SLOW = 300;

/** An SMS provider that keeps a log of everything, and treats numbers as it was told to. */
export class Provider {
  readonly log: Text[] = [];
  readonly #manners = new Map<string, Manner>();
  readonly #newest = new Map<string, Text>();

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => {
      void text(request).then((body) => this.#take(JSON.parse(body) as Pick<Text, 'id' | 'to' | 'text'>, response));
    });
  }

  static async start(): Promise<Provider> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    const provider = new Provider(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return provider;
  }

  /** The settings of a service that uses this provider. */
  get environment(): Record<string, string> {
    const url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/send`;
    return { SMS_PROVIDERS: 'http', SMS_HTTP_URL: url, SMS_HTTP_TOKEN: 'provider-token', SMS_TIMEOUT: '1' };
  }

  treats(phone: string, manner: Manner): void {
    this.#manners.set(phone, manner);
  }

  /** The newest text that a phone shows. */
  shownOn(phone: string): Text | undefined {
    return this.#newest.get(phone);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  async #take(body: Pick<Text, 'id' | 'to' | 'text'>, response: ServerResponse): Promise<void> {
    const at = performance.now();
    const manner = this.#manners.get(body.to) ?? 'accepts';
    if (manner !== 'refuses') this.#manners.delete(body.to);
    const accepted = manner === 'accepts' || manner === 'slow';
    const taken = { ...body, at, accepted };
    this.log.push(taken);
    // A text whose acceptance never came back is on the phone all the same.
    if (accepted || manner === 'hangs' || manner === 'resets') this.#newest.set(body.to, taken);
    if (manner === 'slow') await delay(SLOW);
    this.#answer(manner, body.id, response);
  }

  #answer(manner: Manner, id: string, response: ServerResponse): void {
    if (manner === 'hangs') return;
    if (manner === 'resets') return void response.socket?.resetAndDestroy();
    const status = { accepts: 202, slow: 202, fails: 500, busy: 429, refuses: 400 }[manner];
    const headers = { 'content-type': 'application/json', ...(manner === 'busy' ? { 'retry-after': '1' } : {}) };
    response.writeHead(status, headers).end(JSON.stringify({ message_id: `p-${id}` }));
  }
}
