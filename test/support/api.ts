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

/** What a person has in hand who was asked for their agreement. */
export interface SentAgreement {
  readonly reference: string;
  readonly phone: string;
  readonly code: string;
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
    protected readonly headers: Record<string, string> = {},
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

  /** The agreement once it has these fields, waiting for them. */
  until(reference: string, fields: Record<string, unknown>): Promise<Record<string, any>> {
    return until(`${JSON.stringify(fields)} of ${reference}`, async () => {
      const { body } = await this.get(`/v1/agreement/${reference}`);
      return Object.entries(fields).every(([name, value]) => body[name] === value) ? body : undefined;
    });
  }

  /** Sends a request again until it is no longer too soon for it; gives the first other answer. */
  retried(send: () => Promise<Answer>): Promise<Answer> {
    return until('the end of resend_too_soon', async () => {
      const answer = await send();
      return answer.body['code'] === 'resend_too_soon' ? undefined : answer;
    });
  }

  /** An agreement whose code is out and recorded so. */
  async createAndAwaitCode(fields: Record<string, unknown> = {}): Promise<SentAgreement> {
    const phone = String(fields['phone'] ?? freshPhone());
    const count = (await this.messages(phone)).length + 1;
    const { body } = await this.create({ ...fields, phone });
    return { reference: String(body['reference']), phone, code: await this.#codeOf(body['reference'], phone, count) };
  }

  /** Asks for a further code, as soon as the service takes it, and waits for it. */
  async resendAndAwaitCode({ reference, phone }: SentAgreement): Promise<string> {
    const count = (await this.messages(phone)).length + 1;
    const { status } = await this.retried(() => this.post(`/v1/agreement/${reference}/resend`));
    if (status !== 202) throw new Error(`the resend was answered with ${status}`);
    return this.#codeOf(reference, phone, count);
  }

  async #codeOf(reference: string, phone: string, count: number): Promise<string> {
    const code = await this.codeSentTo(phone, count);
    await this.until(reference, { delivery: 'sent' });
    return code;
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
