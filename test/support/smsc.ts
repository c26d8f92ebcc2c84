import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Certificate } from './certificates.js';
import { until } from './until.js';

/** What the library `smpp` has read: it decodes short_message and message_payload by itself. */
export interface SmscPdu {
  readonly command: string;
  readonly command_status: number;
  readonly sequence_number: number;
  readonly [field: string]: unknown;
  response(options?: Record<string, unknown>): SmscPdu;
}

interface LibrarySession {
  readonly socket: Socket;
  on(event: 'pdu', listener: (pdu: SmscPdu) => void): void;
  on(event: 'error' | 'close', listener: () => void): void;
  send(pdu: SmscPdu, callback?: (answer: SmscPdu) => void): boolean;
}

interface Library {
  createServer(options: Partial<Certificate>, listener: (session: LibrarySession) => void): Server;
  readonly PDU: new (command: string, options?: Record<string, unknown>) => SmscPdu;
}

const require = createRequire(import.meta.url);
const smpp = require('smpp') as Library;

/** One `submit_sm` as the SMSC got it. */
export interface SubmittedText {
  /** E.164 without its plus. */
  readonly to: string;
  readonly text: string;
  readonly pdu: SmscPdu;
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
  readonly session: SmscSession;
}

/** What the SMSC does with a text: a status, or something worse. */
export type SmscAnswer = (submitted: SubmittedText) => void;

export const smscAnswers = {
  accepted:
    (messageId: string): SmscAnswer =>
    ({ pdu, session }) =>
      session.send(pdu.response({ message_id: messageId })),
  status:
    (command_status: number): SmscAnswer =>
    ({ pdu, session }) =>
      session.send(pdu.response({ command_status })),
  nack:
    (command_status: number): SmscAnswer =>
    ({ pdu, session }) =>
      session.send(new smpp.PDU('generic_nack', { command_status, sequence_number: pdu.sequence_number })),
  silence: (() => undefined) as SmscAnswer,
  drop: (({ session }) => session.drop()) as SmscAnswer,
  garbage: (({ session }) => session.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))) as SmscAnswer,
};

/** One connection of a client. */
export class SmscSession {
  /** All that came, oldest first. */
  readonly pdus: SmscPdu[] = [];

  constructor(
    private readonly wire: LibrarySession,
    private readonly onPdu: (pdu: SmscPdu, session: SmscSession) => void,
  ) {
    wire.on('error', () => wire.socket.destroy());
    wire.on('pdu', (pdu) => {
      this.pdus.push(pdu);
      this.onPdu(pdu, this);
    });
  }

  get isOpen(): boolean {
    return !this.wire.socket.destroyed;
  }

  send(pdu: SmscPdu): void {
    this.wire.send(pdu);
  }

  /** Sends a request and gives its answer. */
  ask(command: string, options: Record<string, unknown> = {}): Promise<SmscPdu> {
    const { promise, resolve } = Promise.withResolvers<SmscPdu>();
    this.wire.send(new smpp.PDU(command, options), resolve);
    return promise;
  }

  write(octets: Buffer): void {
    this.wire.socket.write(octets);
  }

  drop(): void {
    this.wire.socket.destroy();
  }
}

/** An SMSC in this process, by the server of the library `smpp`; does as it is told, and remembers everything. */
export class Smsc {
  readonly submitted: SubmittedText[] = [];
  readonly sessions: SmscSession[] = [];
  /** What the next binds are answered; zero binds. */
  bindStatus = 0;
  /** Answers enquire_link. */
  isAlive = true;
  /** Every text without a script. */
  answer: SmscAnswer = (submitted) => smscAnswers.accepted(`id-${String(this.submitted.length)}`)(submitted);
  readonly #scripts = new Map<string, SmscAnswer[]>();

  private constructor(
    private readonly certificate: Partial<Certificate>,
    private server: Server,
    readonly port: number,
  ) {}

  /** @param certificate makes it speak TLS */
  static async start(certificate: Partial<Certificate> = {}): Promise<Smsc> {
    // The server is there before the SMSC that is made of it.
    const listener = { onSession: (_session: LibrarySession): void => undefined };
    const server = smpp.createServer(certificate, (session) => listener.onSession(session));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const smsc = new Smsc(certificate, server, (server.address() as AddressInfo).port);
    listener.onSession = (session) => smsc.#take(session);
    return smsc;
  }

  get url(): string {
    const scheme = this.certificate.cert === undefined ? 'smpp' : 'smpps';
    return `${scheme}://tester:secret8@127.0.0.1:${String(this.port)}`;
  }

  /** The settings of a service that uses it. */
  get environment(): Record<string, string> {
    return { SMS_PROVIDERS: 'smpp', SMPP_URL: this.url, SMS_SENDER: 'Shop' };
  }

  /** The sessions that are bound and open. */
  get bound(): SmscSession[] {
    return this.sessions.filter(({ isOpen, pdus }) => isOpen && pdus.some(({ command }) => command.startsWith('bind')));
  }

  /** The newest bound session, when there is one. */
  session(): Promise<SmscSession> {
    return until('a bound session', () => this.bound.at(-1));
  }

  /** The answers to the next texts to a number, in this order. @param phone E.164 */
  willAnswer(phone: string, ...script: SmscAnswer[]): void {
    this.#scripts.set(phone.slice(1), script);
  }

  /** @param phone E.164 */
  to(phone: string): SubmittedText[] {
    return this.submitted.filter(({ to }) => to === phone.slice(1));
  }

  async received(phone: string, count = 1, within = 10_000): Promise<SubmittedText[]> {
    const enough = (): SubmittedText[] | undefined => (this.to(phone).length >= count ? this.to(phone) : undefined);
    return until(`${String(count)} texts for ${phone}`, enough, within);
  }

  /** Drops every connection and takes no new ones. */
  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const session of this.sessions) session.drop();
    await closed;
  }

  /** Takes connections again at the same port. */
  async restart(): Promise<void> {
    this.server = smpp.createServer(this.certificate, (session) => this.#take(session));
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  #take(library: LibrarySession): void {
    this.sessions.push(new SmscSession(library, (pdu, session) => this.#serve(pdu, session)));
  }

  #serve(pdu: SmscPdu, session: SmscSession): void {
    if (pdu.command === 'bind_transceiver') {
      session.send(pdu.response({ command_status: this.bindStatus, system_id: 'SMSC' }));
    } else if (pdu.command === 'enquire_link') {
      if (this.isAlive) session.send(pdu.response());
    } else if (pdu.command === 'unbind') {
      session.send(pdu.response());
      setImmediate(() => session.drop());
    } else if (pdu.command === 'submit_sm') {
      const to = String(pdu['destination_addr']);
      const submitted = { to, text: textOf(pdu), pdu, at: performance.now(), session };
      this.submitted.push(submitted);
      (this.#scripts.get(to)?.shift() ?? this.answer)(submitted);
    }
  }
}

/** A part comes with its header in `udh`. */
function textOf(pdu: SmscPdu): string {
  const [short, payload] = [pdu['short_message'], pdu['message_payload']] as { message?: string }[];
  return short?.message?.length ? short.message : (payload?.message ?? '');
}
