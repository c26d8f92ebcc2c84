import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** One mail as the server has taken it. */
export interface TakenMail {
  readonly from: string;
  readonly to: string;
  readonly secure: boolean;
  readonly user: string | undefined;
  readonly raw: string;
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
}

/** A step of a session that a test can meddle with. */
export type Step = 'connect' | 'auth' | 'mail' | 'rcpt' | 'data';

/** A mail server that we did not write (npm smtp-server), on a free port of this machine. */
export class MailServer {
  readonly mails: TakenMail[] = [];
  /** Sessions that were opened. */
  sessions = 0;
  #refusals = new Map<Step, [code: number, words: string]>();
  #holds = new Map<Step, Promise<void>>();
  #server: SMTPServer;
  #port = 0;

  private constructor(private readonly options: SMTPServerOptions) {
    this.#server = this.#make();
  }

  /** @param options without `key` and `cert` there is no TLS */
  static async start(options: SMTPServerOptions = {}): Promise<MailServer> {
    const plain = options.key === undefined ? { disabledCommands: ['STARTTLS'] } : {};
    const server = new MailServer({ authOptional: true, ...plain, ...options });
    await server.#listen(0);
    return server;
  }

  get port(): number {
    return this.#port;
  }

  /** Sessions that are open now. */
  get open(): number {
    return this.#server.connections.size;
  }

  to(address: string): readonly TakenMail[] {
    return this.mails.filter(({ to }) => to === address);
  }

  /** From now on answers a step with this; the code 0 ends that. */
  refuse(step: Step, code: number, words = 'no'): void {
    if (code === 0) this.#refusals.delete(step);
    else this.#refusals.set(step, [code, words]);
  }

  /** From now on answers a step only once the function that comes back is called. */
  hold(step: Step): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#holds.set(step, promise);
    return () => {
      this.#holds.delete(step);
      resolve();
    };
  }

  /** The same server anew, on the same port. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** After it was stopped, on the same port. */
  async start(): Promise<void> {
    this.#server = this.#make();
    await this.#listen(this.#port);
  }

  async stop(): Promise<void> {
    for (const connection of this.#server.connections) (connection as unknown as { close(): void }).close();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #listen(port: number): Promise<void> {
    const listening = this.#server.listen(port, '127.0.0.1');
    await once(listening, 'listening');
    this.#port = (listening.address() as AddressInfo).port;
  }

  #make(): SMTPServer {
    const at =
      (step: Step) =>
      async (done: (error?: Error) => void): Promise<void> => {
        if (step === 'connect') this.sessions += 1;
        await this.#holds.get(step);
        const [responseCode, words] = this.#refusals.get(step) ?? [];
        done(responseCode === undefined ? undefined : Object.assign(new Error(words), { responseCode }));
      };
    const server = new SMTPServer({
      closeTimeout: 100,
      ...this.options,
      onConnect: (_, done) => void at('connect')(done),
      onMailFrom: (_address, _session, done) => void at('mail')(done),
      onRcptTo: (_address, _session, done) => void at('rcpt')(done),
      onAuth: ({ username, password }, _, done) =>
        void at('auth')((error) => {
          if (error) done(error);
          else if (password === 'right') done(null, { user: username });
          else done(Object.assign(new Error('5.7.8 wrong'), { responseCode: 535 }));
        }),
      onData: (stream, session, done) =>
        void text(stream).then(
          (raw) =>
            at('data')((error) => {
              const { mailFrom, rcptTo } = session.envelope;
              if (!error) {
                this.mails.push({
                  ...{ from: mailFrom === false ? '' : mailFrom.address, to: rcptTo[0]?.address ?? '', raw },
                  ...{ secure: session.secure, user: session.user as string | undefined, at: performance.now() },
                });
              }
              done(error ?? null);
            }),
          // Cut in the middle.
          () => undefined,
        ),
    });
    server.on('error', () => undefined);
    return server;
  }
}

/** What a scripted server answers to a command, or to the end of a mail (`.`); undefined says nothing. */
export type Script = (command: string, socket: Socket) => string | undefined;

/** A mail server of which a test says every answer. */
export class ScriptedMailServer {
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async start(script: Script): Promise<ScriptedMailServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const scripted = new ScriptedMailServer(server, (server.address() as AddressInfo).port);
    server.on('connection', (socket) => scripted.#serve(socket, script));
    return scripted;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #serve(socket: Socket, script: Script): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => undefined);
    let [rest, inData] = ['', false];
    const say = (command: string): void => {
      const answer = script(command, socket);
      if (command === 'DATA') inData = answer?.startsWith('354') === true;
      if (answer !== undefined) socket.write(`${answer}\r\n`);
    };
    socket.on('data', (chunk: Buffer) => {
      rest += chunk.toString('latin1');
      for (;;) {
        const end = inData ? /^\.\r\n|\r\n\.\r\n/.exec(rest) : /\r\n/.exec(rest);
        if (!end) return;
        const line = rest.slice(0, end.index);
        rest = rest.slice(end.index + end[0].length);
        const command = inData ? '.' : line;
        inData = false;
        say(command);
      }
    });
    say('');
  }
}

/** Says yes to everything. */
export const YES: Script = (command) => {
  if (command === '') return '220 ready';
  if (command === 'DATA') return '354 go on';
  return command === 'QUIT' ? '221 bye' : '250 ok';
};
