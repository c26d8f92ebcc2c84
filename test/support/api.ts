import { until } from './until.js';

/** An answer of the service, its body parsed. */
export interface Answer<T = Record<string, any>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface SandboxMessage {
  readonly id: string;
  readonly reference: string;
  readonly to: string;
  readonly text: string;
}

let lastNumber = 0;

/** A Russian mobile number that no other test of this process uses. */
export function freshPhone(): string {
  lastNumber += 1;
  const spread = (process.pid * 7919 + lastNumber) % 10_000_000;
  return `+7916${String(spread).padStart(7, '0')}`;
}

/** The service as its callers use it: over HTTP. */
export class Api {
  constructor(
    readonly url: string,
    private readonly headers: Record<string, string> = {},
  ) {}

  /** The same service with more headers in each request. */
  with(headers: Record<string, string>): Api {
    return new Api(this.url, { ...this.headers, ...headers });
  }

  async request(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const raw = typeof body === 'string';
    const response = await fetch(this.url + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...this.headers, ...headers },
      ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
  }

  get(path: string, headers?: Record<string, string>): Promise<Answer> {
    return this.request('GET', path, undefined, headers);
  }

  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.request('POST', path, body, headers);
  }

  /** Creates an agreement; what is not given does not matter to the test. */
  create(fields: Record<string, unknown> = {}): Promise<Answer> {
    return this.post('/v1/agreement', { id_hash: 'somebody', phone: freshPhone(), ...fields });
  }

  confirm(reference: string, code: string): Promise<Answer> {
    return this.post(`/v1/agreement/${reference}`, { code });
  }

  async messages(phone: string): Promise<SandboxMessage[]> {
    const { body } = await this.get(`/sandbox/messages?phone=${encodeURIComponent(phone)}`);
    return body['messages'] as SandboxMessage[];
  }

  /** The code in the newest of at least `count` texts to a number, waiting for it. */
  async codeSentTo(phone: string, count = 1): Promise<string> {
    const [newest] = await until(`${count} texts to ${phone}`, async () => {
      const messages = await this.messages(phone);
      return messages.length >= count ? messages : undefined;
    });
    return codeIn(newest?.text ?? '');
  }
}

export function codeIn(text: string): string {
  const code = /\d{6,10}/.exec(text)?.[0];
  if (code === undefined) throw new Error(`no code in the text: ${text}`);
  return code;
}

/** Any code but this one. */
export function otherThan(code: string): string {
  return String((Number(code) + 1) % 10 ** code.length).padStart(code.length, '0');
}
