/** The part of autocannon that the bench uses; the package brings no types. */
declare module 'autocannon' {
  interface Request {
    readonly body: string;
    /** Unless given, those of the run. */
    readonly path?: string;
    readonly headers?: Readonly<Record<string, string>>;
  }

  export interface Client {
    setRequests(requests: readonly Request[]): void;
  }

  interface Run extends PromiseLike<{ readonly errors: number; readonly timeouts: number }> {
    on(
      event: 'response',
      listener: (client: Client, status: number, bytes: number, milliseconds: number) => void,
    ): this;
  }

  interface Options {
    readonly url: string;
    readonly method: 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly connections: number;
    /** Requests in all, shared out evenly; each is waited for. */
    readonly amount: number;
    /** Seconds. */
    readonly timeout: number;
    /** Milliseconds between two looks at whether everything is done. */
    readonly sampleInt: number;
    readonly setupClient: (client: Client) => void;
  }

  export default function autocannon(options: Options): Run;
}
