import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { parsed, type RawAnswer } from './raw-request.js';

/** How a connection ended for a client that took its time. */
export interface SlowEnding {
  readonly answer: RawAnswer;
  /** Milliseconds from its first byte, or from the connection where it sent none. */
  readonly after: number;
}

const BYTE_EVERY = 1_000;

/**
 * A client that sends the beginning at once and the rest byte by byte, one a second, until the connection is closed.
 * @param rest goes on for ever where it is `more`
 */
export async function slowClient(url: string, beginning: string, rest: 'nothing' | 'more'): Promise<SlowEnding> {
  const socket = await open(url);
  const since = performance.now();
  let text = '';
  socket.on('data', (data) => (text += data.toString()));
  const closed = whenClosed(socket);
  if (beginning !== '') socket.write(beginning);
  const drip = rest === 'more' ? setInterval(() => socket.write('x'), BYTE_EVERY) : undefined;
  await closed;
  clearInterval(drip);
  return { answer: parsed(text), after: performance.now() - since };
}

/**
 * A client that asks again and again, and reads nothing.
 * @returns milliseconds until the service cut it off, which shows when it writes
 */
export async function deafClient(url: string, request: string): Promise<number> {
  const socket = await open(url);
  const since = performance.now();
  socket.pause();
  const closed = whenClosed(socket);
  for (let n = 0; n < 40; n += 1) socket.write(request);
  const drip = setInterval(() => socket.write('x'), BYTE_EVERY);
  await closed;
  clearInterval(drip);
  return performance.now() - since;
}

/** Resolves when it is closed, also hard. */
export function whenClosed(socket: Socket): Promise<unknown> {
  // Not events.once, which throws at a reset.
  return new Promise((resolve) => socket.once('close', resolve));
}

/** A connection that is there and does nothing by itself. */
export async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}
