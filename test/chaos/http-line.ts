import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import type { Line, Manner, Provider, Text, Told } from './provider.js';

const SECRET = `whsec_${randomBytes(32).toString('base64')}`;
const STATUS = { accepts: 202, slow: 202, fails: 500, busy: 429, refuses: 400 };
const ANSWER_WITHIN = 3_000;

/** A provider that is asked over HTTP in the service's own JSON, and says what became of its texts by signed POSTs. */
export class HttpLine implements Line {
  /** Each text has a connection for itself. */
  readonly drops: readonly number[] = [];
  readonly #webhook = new Webhook(SECRET);
  #asked = 0;

  private constructor(
    private readonly server: Server,
    private readonly doors: () => readonly string[],
  ) {}

  /** @param doors where the service takes receipts, those that are open */
  static async start(provider: Provider, doors: () => readonly string[]): Promise<HttpLine> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    const line = new HttpLine(server, doors);
    server.on('request', (request, response) => {
      void text(request).then((body) => {
        const asked = JSON.parse(body) as Text & { id: string };
        const messageId = `p-${asked.id}`;
        return provider.take(asked, messageId, line, (manner) => answer(manner, messageId, response));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return line;
  }

  get environment(): Record<string, string> {
    const url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/send`;
    return { SMS_HTTP_URL: url, SMS_HTTP_TOKEN: 'provider-token', SMS_HTTP_WEBHOOK_SECRET: SECRET };
  }

  async report(messageId: string, to: string, status: Told['state']): Promise<boolean> {
    const doors = this.doors();
    const door = doors[(this.#asked += 1) % doors.length];
    if (door === undefined) return false;
    const [id, now] = [`msg_${randomUUID()}`, new Date()];
    const body = JSON.stringify({ message_id: messageId, to, status });
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': this.#webhook.sign(id, now, body),
    };
    const signal = AbortSignal.timeout(ANSWER_WITHIN);
    return fetch(`${door}/v1/delivery/http`, { method: 'POST', headers, body, signal }).then(
      (response) => response.status === 204,
      () => false,
    );
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

function answer(manner: Manner, messageId: string, response: ServerResponse): void {
  if (manner === 'hangs') return;
  if (manner === 'resets') return void response.socket?.resetAndDestroy();
  const headers = { 'content-type': 'application/json', ...(manner === 'busy' ? { 'retry-after': '1' } : {}) };
  response.writeHead(STATUS[manner], headers).end(JSON.stringify({ message_id: messageId }));
}
