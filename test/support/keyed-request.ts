import { randomUUID } from 'node:crypto';

/** An answer with its body as it came. */
export interface PlainAnswer {
  readonly status: number;
  readonly text: string;
  readonly replayed: boolean;
  readonly location: string | null;
  readonly code: string | undefined;
}

export const freshKey = (): string => `key-${randomUUID()}`;

/** Posts under an Idempotency-Key. @param body a string goes as it is, undefined is no body */
export async function postKeyed(
  url: string,
  key: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<PlainAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key, ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    text,
    replayed: response.headers.get('idempotency-replayed') === 'true',
    location: response.headers.get('location'),
    code: (JSON.parse(text) as { code?: string }).code,
  };
}
