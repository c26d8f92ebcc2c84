import type { IncomingMessage } from 'node:http';
import type { SmsOutcome } from './sms-gateway.js';
import { NotSent } from './timely-post.js';

/** More of an answer is not read, in bytes; what a provider says about a text is short. */
const LONGEST_ANSWER = 64 * 1024;

/** As much of it as comes: the status is an answer, and a connection that is lost after it takes nothing back. */
export async function bodyOf(response: IncomingMessage): Promise<{ body: string; complete: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    // What is left unread of a longer one goes with its connection.
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > LONGEST_ANSWER) break;
    }
  } catch {
    return { body: textOf(chunks), complete: false };
  }
  return { body: textOf(chunks), complete: length <= LONGEST_ANSWER };
}

const textOf = (chunks: readonly Buffer[]): string =>
  Buffer.concat(chunks).subarray(0, LONGEST_ANSWER).toString('utf8');

/** What it means that a request was not answered. @param signal that of the try */
export function failureOf(error: unknown, signal: AbortSignal): SmsOutcome {
  if (error instanceof NotSent) return { kind: 'try_later', reason: error.reason, retryAfter: null };
  if (signal.aborted) return { kind: 'unknown', reason: 'timeout' };
  const { code } = error as NodeJS.ErrnoException;
  return { kind: 'unknown', reason: code ?? 'connection_lost' };
}
