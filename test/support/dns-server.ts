import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** What is said of a name: its MX records as [preference, host], a code of failure (RFC 1035 §4.1.1), or worse. */
export type DnsAnswer = readonly (readonly [number, string])[] | number | 'silence' | 'garbage';

const MX = 15;

/** A DNS server that knows only MX records, over UDP on this machine. */
export class DnsServer {
  /** Names that were asked for, each time. */
  readonly asked: string[] = [];

  private constructor(
    private readonly socket: Socket,
    private readonly answerOf: (name: string) => DnsAnswer,
  ) {
    socket.on('message', (query, { port, address }) => {
      const answer = this.#answer(query);
      if (answer) socket.send(answer, port, address);
    });
  }

  static async start(answerOf: (name: string) => DnsAnswer): Promise<DnsServer> {
    const socket = createSocket('udp4');
    const server = new DnsServer(socket, answerOf);
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return server;
  }

  /** As EMAIL_DNS_SERVERS takes it. */
  get address(): string {
    return `127.0.0.1:${this.socket.address().port}`;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.socket.close(resolve));
  }

  #answer(query: Buffer): Buffer | undefined {
    const labels: string[] = [];
    let at = 12;
    for (let size = query[at] ?? 0; size > 0; size = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + size));
      at += size + 1;
    }
    const name = labels.join('.').toLowerCase();
    this.asked.push(name);
    const said = query.readUInt16BE(at + 1) === MX ? this.answerOf(name) : 4;
    if (said === 'silence') return undefined;
    if (said === 'garbage') return Buffer.concat([query.subarray(0, 2), Buffer.alloc(40, 0xff)]);
    const [code, records] = typeof said === 'number' ? [said, []] : [0, said];
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(0x8180 | code, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    header.fill(0, 8);
    return Buffer.concat([header, query.subarray(12, at + 5), ...records.map(([rank, host]) => record(rank, host))]);
  }
}

function record(rank: number, host: string): Buffer {
  const labels = host === '' ? [] : host.split('.');
  const name = Buffer.concat([
    ...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0]),
  ]);
  const fixed = Buffer.alloc(14);
  // The name of the question, by a pointer to it.
  fixed.writeUInt16BE(0xc00c, 0);
  fixed.writeUInt16BE(MX, 2);
  fixed.writeUInt16BE(1, 4);
  fixed.writeUInt32BE(60, 6);
  fixed.writeUInt16BE(2 + name.length, 10);
  fixed.writeUInt16BE(rank, 12);
  return Buffer.concat([fixed, name]);
}
