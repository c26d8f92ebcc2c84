import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What may be taken over as a request id: it goes into logs and headers as it is. */
const REQUEST_ID = /^[\w.:+/=-]{1,128}$/;

/** The caller's own id of the request, where it is one, else a new one. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const id = headers['x-request-id'];
  return typeof id === 'string' && REQUEST_ID.test(id) ? id : randomUUID();
}
