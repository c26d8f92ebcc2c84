import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { readConfig } from '../../src/config.js';
import { HttpGateway } from '../../src/messaging/sms/http-gateway.js';
import { HttpReceipts } from '../../src/messaging/sms/http-receipts.js';
import type { SmsMessage, SmsOutcome } from '../../src/messaging/sms/sms-gateway.js';
import { Secret } from '../../src/secret.js';

/** One request as a gateway got it. */
export interface GatewayRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What a gateway answers, or does instead. */
export type GatewayAnswers =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string | object }
  | ((response: ServerResponse) => void);

const KEY = `k:${Buffer.alloc(32, 1).toString('base64')}`;

export const TEXT = '042137 - "код" & всё';
export const ID = '019aa3b2-5c27-7a10-8b3c-1d2e3f405162';

/** Somebody else's gateway: answers as it is told, and keeps what it was asked. */
export class GatewayServer {
  readonly requests: GatewayRequest[] = [];
  #answer: GatewayAnswers = { status: 200 };

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => void this.#take(request, response));
  }

  static async start(): Promise<GatewayServer> {
    const gateway = new GatewayServer(createServer());
    gateway.server.listen(0, '127.0.0.1');
    await once(gateway.server, 'listening');
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  /** From now on. */
  answers(answer: GatewayAnswers): void {
    this.#answer = answer;
    this.requests.length = 0;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    this.requests.push({ method, url, headers, body: await text(request) });
    if (typeof this.#answer === 'function') return this.#answer(response);
    const { status, headers: own = {}, body = '' } = this.#answer;
    response.writeHead(status, own).end(typeof body === 'string' ? body : JSON.stringify(body));
  }
}

/** The provider http with a file, as a configuration makes it. */
export function providerOf(
  file: string,
  settings: Record<string, string>,
): { gateway: HttpGateway; receipts: HttpReceipts } {
  const config = readConfig({
    ...{ OTP_KEYS: KEY, CONTACT_KEYS: KEY, SMS_PROVIDERS: 'http', SMS_HTTP_TEMPLATE_FILE: file },
    ...{ PUBLIC_URL: 'https://me.example/', SMS_SENDER: 'Shop', SMS_HTTP_USER: 'login', SMS_HTTP_TOKEN: 'secret' },
    ...settings,
  });
  return { gateway: new HttpGateway(config), receipts: new HttpReceipts(config) };
}

/** Hands one text over. @param within milliseconds for an answer */
export function sendText(gateway: HttpGateway, more: Partial<SmsMessage> = {}, within = 5_000): Promise<SmsOutcome> {
  const to = new Secret('+79161234567');
  const message = { id: ID, reference: ID, to, text: new Secret(TEXT), mail: null, ...more };
  return gateway.send(message, { sendBefore: performance.now() + within, signal: AbortSignal.timeout(within) });
}
