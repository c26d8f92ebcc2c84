import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePorts } from './kafka/server-properties.js';

/** A stretch of network that a test can break: a port that hands connections on to a server of the machine. */
export class TcpProxy {
  readonly #sockets = new Set<Socket>();
  readonly #swallowed = new Set<Socket>();
  #server: Server | undefined;
  #frozen = false;
  #packetsLeft = Infinity;

  private constructor(
    readonly port: number,
    private target: number,
  ) {}

  /** Nobody listens on the proxy's port before `open`: connections are refused. */
  static async to(target: number): Promise<TcpProxy> {
    const [port] = await freePorts();
    return new TcpProxy(port, target);
  }

  /** The same URL by way of the proxy. */
  static async before(url: string): Promise<{ proxy: TcpProxy; url: string }> {
    const by = new URL(url);
    const proxy = await TcpProxy.to(Number(by.port));
    by.port = String(proxy.port);
    return { proxy, url: by.href };
  }

  /** New connections go to another port: a server that was started anew. */
  leadTo(target: number): void {
    this.target = target;
  }

  async open(): Promise<void> {
    this.#frozen = false;
    this.#server = createServer((near) => {
      const far = connect(this.target, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on('data', (data) => {
          if (from === near && --this.#packetsLeft === 0) this.#cutConnections();
          else to.write(data);
        });
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        from.on('error', () => undefined);
        if (this.#frozen) from.pause();
      }
    });
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Cuts every connection and refuses new ones. */
  async cut(): Promise<void> {
    const closed = this.#server && once(this.#server, 'close');
    this.#server?.close();
    this.#cutConnections();
    await closed;
    this.#server = undefined;
  }

  /** Cuts every connection once, in place of handing on the n-th packet to the server from now on; takes new ones. */
  cutAtPacket(n: number): void {
    this.#packetsLeft = n;
  }

  /** Connections stay open, also new ones, and nothing comes through. */
  freeze(): void {
    this.#frozen = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Connections that are open stay so, and nothing comes through them ever again, not even their end; new ones work. */
  abandon(): void {
    this.freeze();
    for (const socket of this.#sockets) this.#swallowed.add(socket);
    this.#sockets.clear();
    this.#frozen = false;
  }

  thaw(): void {
    this.#frozen = false;
    for (const socket of this.#sockets) socket.resume();
  }

  #cutConnections(): void {
    // Not resetAndDestroy: Node may then never end (24.21, handles of sockets that were shutting down stay for ever).
    for (const socket of [...this.#sockets, ...this.#swallowed]) socket.destroy();
    this.#swallowed.clear();
  }
}
