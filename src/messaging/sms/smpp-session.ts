import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { SmppAccount, SmppPatience } from './smpp-account.js';
import { bindBody, COMMAND, encodePdu, isResponse, type Pdu, PduStream, responseTo } from './smpp-pdu.js';
import { STATUS, statusName } from './smpp-status.js';

/** No session came about; what was meant to be sent was not. */
export class NotBound extends Error {
  /** @param refused by the SMSC itself, which may count how often */
  constructor(
    readonly reason: string,
    readonly refused: boolean,
  ) {
    super(reason);
  }
}

/** One request under way. */
export interface SmppRequest {
  /** Null where none came: the connection was lost, or `giveUp` was called. */
  readonly answer: Promise<Pdu | null>;
  readonly giveUp: () => void;
}

/** What a session tells. */
export interface SmppEvents {
  /** A message or a receipt. @returns the status to answer; never rejects */
  readonly onDelivery: (pdu: Pdu) => Promise<number>;
  /** The connection takes octets again. */
  readonly onWritable: () => void;
}

const LAST_SEQUENCE = 0x7fff_ffff;
/** An SMSC that asks much and reads no answer would fill the memory. */
const MOST_UNREAD = 1_048_576;
/** Deliveries that are being kept at one time; the SMSC is to say again what is more. */
const MOST_DELIVERIES = 500;
/** Looks a few times in the shortest of the times. */
const LOOKS = 3;

interface Awaited {
  readonly response: number;
  /** When it was written. */
  readonly at: number;
  readonly settle: (answer: Pdu | null) => void;
}

/** One connection to an SMSC: bound as a transceiver, watched, and never used again after its end. */
export class SmppSession {
  readonly #stream = new PduStream();
  readonly #awaited = new Map<number, Awaited>();
  readonly #bound = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<string>();
  readonly #deliveries = new Set<Promise<void>>();
  #reason: string | undefined;
  #refused = false;
  #sequence = 0;
  #usable = false;
  #heard = performance.now();
  #enquired: number | undefined;
  readonly #watch: NodeJS.Timeout;

  private constructor(
    private readonly socket: Socket,
    private readonly patience: SmppPatience,
    private readonly events: SmppEvents,
  ) {
    const look = Math.min(patience.quietWhileAwaited, patience.alive) / LOOKS;
    this.#watch = setInterval(() => this.#look(), look).unref();
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.#reason ??= error.code ?? 'connection lost'));
    socket.on('end', () => this.#end('closed by the SMSC'));
    socket.on('close', () => this.#onClose());
  }

  /** Connects and binds. @param stop ends that @throws NotBound */
  static async open(
    account: SmppAccount,
    patience: SmppPatience,
    events: SmppEvents,
    stop: AbortSignal,
  ): Promise<SmppSession> {
    const { host, port, tls, ca } = account;
    // An IP address must not be sent as a name (RFC 6066 §3); the certificate is checked against it all the same.
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = tls ? connectTls({ host, port, ...name, ...(ca ? { ca } : {}) }) : connectTcp({ host, port });
    const session = new SmppSession(socket, patience, events);
    const deadline = setTimeout(() => session.#destroy('not bound in time'), patience.bound);
    const stopped = (): void => session.#destroy('stopped');
    stop.addEventListener('abort', stopped);
    socket.once(tls ? 'secureConnect' : 'connect', () => void session.#bind(account));
    await Promise.race([session.#bound.promise, session.closed]);
    clearTimeout(deadline);
    stop.removeEventListener('abort', stopped);
    if (!session.#usable) throw new NotBound(await session.closed, session.#refused);
    return session;
  }

  /** Why it ended, when it has. */
  get closed(): Promise<string> {
    return this.#closed.promise;
  }

  /** Whether a write goes straight to the network: a PDU that waits in this process would go out when it is too late. */
  get isWritable(): boolean {
    return this.#usable && !this.#isDoubtful() && this.socket.writable && this.socket.writableLength === 0;
  }

  /** Writes a request at once. */
  request(command: number, body: Buffer): SmppRequest {
    const sequence = (this.#sequence = this.#sequence >= LAST_SEQUENCE ? 1 : this.#sequence + 1);
    const { promise: answer, resolve } = Promise.withResolvers<Pdu | null>();
    const settle = (pdu: Pdu | null): void => {
      this.#awaited.delete(sequence);
      resolve(pdu);
    };
    this.#awaited.set(sequence, { response: responseTo(command), at: performance.now(), settle });
    this.#write({ command, status: STATUS.ok, sequence, body });
    return { answer, giveUp: () => settle(null) };
  }

  /** Ends it with the SMSC's knowledge, after what it has told us was answered. */
  async unbind(): Promise<void> {
    this.#usable = false;
    const deadline = setTimeout(() => this.#destroy('unbound'), this.patience.goodbye);
    await Promise.race([Promise.all(this.#deliveries), this.closed]);
    if (this.#reason === undefined) {
      await this.request(COMMAND.unbind, Buffer.alloc(0)).answer;
      this.#end('unbound');
    }
    await this.closed;
    clearTimeout(deadline);
  }

  /** Ends it because the SMSC says that it is not bound. */
  abandon(reason: string): void {
    this.#end(reason);
  }

  async #bind({ systemId, password }: SmppAccount): Promise<void> {
    const body = bindBody(systemId, password.reveal());
    const answer = await this.request(COMMAND.bind_transceiver, body).answer;
    if (answer === null) return;
    const { command, status } = answer;
    if (status === STATUS.ok && command === responseTo(COMMAND.bind_transceiver)) {
      this.#usable = this.#reason === undefined;
      this.#bound.resolve();
      return;
    }
    this.#refused = true;
    this.#end(`bind refused: ${statusName(status)}`);
  }

  #read(chunk: Buffer): void {
    try {
      for (const pdu of this.#stream.take(chunk)) this.#take(pdu);
    } catch (error) {
      // Where one PDU ends is not known any more: nothing that follows can be read.
      this.#write({ command: COMMAND.generic_nack, status: STATUS.tooLong, sequence: 0, body: Buffer.alloc(0) });
      this.#destroy(error instanceof Error ? error.message : 'garbage');
    }
  }

  #take(pdu: Pdu): void {
    this.#heard = performance.now();
    if (this.#isDoubtful()) setImmediate(() => this.events.onWritable());
    this.#enquired = undefined;
    const { command, sequence } = pdu;
    if (isResponse(pdu)) {
      const awaited = this.#awaited.get(sequence);
      if (awaited && (command === awaited.response || command === COMMAND.generic_nack)) awaited.settle(pdu);
    } else if (command === COMMAND.deliver_sm || command === COMMAND.data_sm) {
      this.#deliver(pdu);
    } else if (command === COMMAND.enquire_link) {
      this.#answer(pdu, STATUS.ok);
    } else if (command === COMMAND.unbind) {
      this.#answer(pdu, STATUS.ok);
      this.#end('unbound by the SMSC');
    } else if (command !== COMMAND.outbind && command !== COMMAND.alert_notification) {
      // Those two have no answer.
      const body = Buffer.alloc(0);
      this.#write({ command: COMMAND.generic_nack, status: STATUS.unknownCommand, sequence, body });
    }
  }

  #deliver(pdu: Pdu): void {
    if (this.#deliveries.size >= MOST_DELIVERIES) {
      this.#answer(pdu, STATUS.notNow);
      return;
    }
    const work = this.events.onDelivery(pdu).then((status) => {
      this.#deliveries.delete(work);
      this.#answer(pdu, status);
    });
    this.#deliveries.add(work);
  }

  #answer({ command, sequence }: Pdu, status: number): void {
    // The message_id of a deliver_sm_resp and of a data_sm_resp is an empty string (§4.6.2).
    const named = command === COMMAND.deliver_sm || command === COMMAND.data_sm;
    this.#write({ command: responseTo(command), status, sequence, body: Buffer.alloc(named ? 1 : 0) });
  }

  #write(pdu: Pdu): void {
    if (!this.socket.writable) return;
    if (this.socket.writableLength > MOST_UNREAD) this.#destroy('the SMSC reads nothing');
    else this.socket.write(encodePdu(pdu), () => this.events.onWritable());
  }

  /** It was asked long ago whether it is there. What would be written now is better kept. */
  #isDoubtful(now = performance.now()): boolean {
    return this.#enquired !== undefined && now - this.#enquired >= this.patience.alive;
  }

  /** A text whose time for an answer is not over: where the SMSC is merely slow, its end would else never be known. */
  #isAwaitedStill(before: number): boolean {
    const submit = responseTo(COMMAND.submit_sm);
    return [...this.#awaited.values()].some(({ response, at }) => response === submit && at <= before);
  }

  /** Asks an SMSC that is silent, and gives it up where it stays so and nothing that it was given before is awaited. */
  #look(): void {
    if (!this.#usable) return;
    const now = performance.now();
    const quiet = this.#awaited.size > 0 ? this.patience.quietWhileAwaited : this.patience.quiet;
    if (this.#enquired === undefined) {
      if (now - this.#heard < quiet) return;
      this.#enquired = now;
      this.request(COMMAND.enquire_link, Buffer.alloc(0));
    } else if (this.#isDoubtful(now) && !this.#isAwaitedStill(this.#enquired)) {
      const asked = this.#enquired;
      // A process that was stopped hears first what has come meanwhile.
      setImmediate(() => {
        if (this.#enquired === asked) this.#destroy('no answer to enquire_link');
      });
    }
  }

  /** Writes nothing more, and closes when the other side does or its time is over. */
  #end(reason: string): void {
    this.#usable = false;
    this.#reason ??= reason;
    this.socket.end();
    // Also one that never connected ends so.
    const deadline = setTimeout(
      () => this.#destroy(reason),
      this.socket.connecting ? 0 : this.patience.goodbye,
    ).unref();
    this.socket.once('close', () => clearTimeout(deadline));
  }

  #destroy(reason: string): void {
    this.#usable = false;
    this.#reason ??= reason;
    this.socket.destroy();
  }

  #onClose(): void {
    this.#usable = false;
    clearInterval(this.#watch);
    for (const { settle } of [...this.#awaited.values()]) settle(null);
    this.#closed.resolve(this.#reason ?? 'connection lost');
  }
}
