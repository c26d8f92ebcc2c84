import { connect, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { SmtpSettings } from '../../config.js';

/** What a server says is short. */
const LONGEST_ANSWER = 64 * 1024;
/** Longer than any wait of ours: each step has a signal that ends it. */
const NEVER = 3_600_000;

type Done<T> = (error?: Error | null, result?: T) => void;

/** One SMTP session with the server; each of its steps ends, one way or another, with its signal. */
export class SmtpLine {
  /** Mails that went over it. */
  #sent = 0;

  private constructor(private readonly connection: SMTPConnection) {}

  /** Connects, makes it private, and logs in. @throws Error of nodemailer, or of the socket */
  static async open(settings: SmtpSettings, signal: AbortSignal): Promise<SmtpLine> {
    const { host, port, tls, ca, login } = settings;
    const connection = new SMTPConnection({
      connection: await connected(connect({ host, port }), signal),
      ...{ host, port, secure: tls === 'implicit', requireTLS: tls === 'required', ignoreTLS: tls === 'off' },
      ...{ connectionTimeout: NEVER, greetingTimeout: NEVER, socketTimeout: NEVER, socketCloseTimeout: 0 },
      maxResponseSize: LONGEST_ANSWER,
      tls: ca === undefined ? {} : { ca },
    });
    // What goes wrong between two steps shows at the next one.
    connection.on('error', () => undefined);
    const line = new SmtpLine(connection);
    try {
      await line.#step<void>(signal, (done) => connection.connect(done));
      if (login) await line.#logIn(login, signal);
    } catch (error) {
      // Of a login that fails nodemailer says so, and leaves the session open.
      line.close();
      throw error;
    }
    return line;
  }

  get sent(): number {
    return this.#sent;
  }

  get isOpen(): boolean {
    return !this.connection.destroyed;
  }

  /** Whether the server is still there, and ready for another mail. */
  async isReady(signal: AbortSignal): Promise<boolean> {
    try {
      return await this.#step<boolean>(signal, (done) => this.connection.reset(done));
    } catch {
      this.close();
      return false;
    }
  }

  /** @throws Error of nodemailer, `NotSent` of the content */
  async send(from: string, to: string, content: Readable, signal: AbortSignal): Promise<string | undefined> {
    this.#sent += 1;
    const { serverMessageId } = await this.#step<{ serverMessageId?: string | undefined }>(signal, (done) =>
      this.connection.send({ from, to: [to] }, content, done),
    );
    return serverMessageId;
  }

  whenEnded(listener: () => void): void {
    this.connection.once('end', listener);
  }

  close(): void {
    this.connection.close();
  }

  /** As SMTP wants it to end. */
  async quit(signal: AbortSignal): Promise<void> {
    await this.#step<void>(signal, (done) => {
      this.connection.once('end', done);
      this.connection.quit();
    }).catch(() => this.close());
  }

  /** Where the server asks nobody who they are, it knows us by our address. */
  async #logIn({ user, password }: NonNullable<SmtpSettings['login']>, signal: AbortSignal): Promise<void> {
    if (!this.connection.allowsAuth) return;
    const auth = { user, pass: password.reveal() };
    await this.#step<boolean>(signal, (done) => this.connection.login(auth, done));
  }

  /** nodemailer says of some ends only by an event, and of some calls never anything. */
  #step<T>(signal: AbortSignal, begin: (done: Done<T>) => void): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    // The answer that led to the end comes in the same turn, after it.
    const ended = (): unknown => setImmediate(() => reject(new Error('connection lost')));
    const cut = (): void => {
      reject(new Error('no answer in time'));
      this.close();
    };
    this.connection.once('error', reject).once('end', ended);
    signal.addEventListener('abort', cut, { once: true });
    if (signal.aborted) cut();
    else begin((error, result) => (error ? reject(error) : resolve(result as T)));
    return promise.finally(() => {
      this.connection.off('error', reject).off('end', ended);
      signal.removeEventListener('abort', cut);
    });
  }
}

function connected(socket: Socket, signal: AbortSignal): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const cut = (): void => {
    socket.destroy(new Error('no answer in time'));
  };
  socket.once('connect', () => resolve(socket)).once('error', reject);
  signal.addEventListener('abort', cut, { once: true });
  if (signal.aborted) cut();
  return promise.finally(() => {
    socket.off('error', reject);
    // nodemailer takes the socket over within this turn; it may fail before.
    socket.on('error', () => undefined);
    signal.removeEventListener('abort', cut);
  });
}
