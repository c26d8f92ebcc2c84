import { once } from 'node:events';
import { connect } from 'node:net';

/** What came back on a connection until the service closed it; of several answers the first, and all in `text`. */
export interface RawAnswer {
  /** 0 where nothing came. */
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** Parsed where it is JSON. */
  readonly body: any;
  readonly text: string;
}

/** Sends bytes as they are, without the client's half of HTTP, and waits for the end of the connection. */
export async function rawRequest(url: string, bytes: string | Buffer): Promise<RawAnswer> {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('data', (data) => (text += data.toString()));
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  socket.write(bytes);
  await closed;
  return parsed(text);
}

/** The lines of a request, ended and separated as HTTP wants it; the connection is closed after the answer. */
export function lines(...given: string[]): string {
  return `${[...given, 'Connection: close'].join('\r\n')}\r\n\r\n`;
}

/** The first answer in what came on a connection. */
export function parsed(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [first = '', ...fields] = head.split('\r\n');
  const headers = new Map(
    fields.map((field) => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    }),
  );
  const length = Number(headers.get('content-length') ?? Infinity);
  const content = Buffer.from(rest.join('\r\n\r\n')).subarray(0, length).toString();
  const isJson = (headers.get('content-type') ?? '').includes('json') && content !== '';
  return { status: Number(first.split(' ')[1] ?? 0), headers, body: isJson ? JSON.parse(content) : content, text };
}
