import { COMMAND, type Pdu } from './smpp-pdu.js';
import type { SmppSession } from './smpp-session.js';
import type { SmsTime } from './sms-gateway.js';

/** What became of one `submit_sm`. */
export type Submitted =
  | { readonly kind: 'not_sent'; readonly reason: 'late' | 'not_connected' | 'busy' }
  | { readonly kind: 'no_answer'; readonly reason: 'timeout' | 'connection_lost' }
  | { readonly kind: 'answered'; readonly answer: Pdu };

/** What the line needs to know of the connection. */
interface Line {
  readonly session: SmppSession | undefined;
  /** There is none, and the last attempt to make one failed. */
  readonly isDown: boolean;
}

interface Waiting {
  readonly body: () => Buffer;
  readonly time: SmsTime;
  readonly settle: (submitted: Submitted) => void;
}

/** So often within the time that a text waits for an SMSC that is away. */
const LOOKS = 2;

/** The line in which texts wait for a session, for a place among those without an answer, and for their turn in the second. */
export class SmppLine {
  readonly #waiting = new Set<Waiting>();
  readonly #rate: Rate;
  #unanswered = 0;
  #quietUntil = 0;
  #calling = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly window: number,
    perSecond: number,
    private readonly away: number,
    private readonly link: () => Line,
  ) {
    this.#rate = new Rate(perSecond);
  }

  /**
   * Writes it when its turn comes, if that is in its time; where the SMSC is known to be away it does not wait so long,
   * because another provider may be there.
   * @param body asked for in the moment of the writing
   */
  submit(body: () => Buffer, time: SmsTime): Promise<Submitted> {
    const { promise, resolve } = Promise.withResolvers<Submitted>();
    const since = performance.now();
    const leave = (): void => {
      if (this.#waiting.delete(waiting)) waiting.settle({ kind: 'not_sent', reason: this.#whyWaiting() });
    };
    const look = (): void => {
      const now = performance.now();
      if (now >= time.sendBefore || (this.link().isDown && now - since >= this.away)) leave();
      else timer = setTimeout(look, Math.min(time.sendBefore - now, this.away / LOOKS));
    };
    let timer: NodeJS.Timeout | undefined;
    const settle = (submitted: Submitted): void => {
      clearTimeout(timer);
      time.signal.removeEventListener('abort', leave);
      resolve(submitted);
    };
    const waiting = { body, time, settle };
    this.#waiting.add(waiting);
    time.signal.addEventListener('abort', leave);
    if (time.signal.aborted) leave();
    else look();
    this.call();
    return promise;
  }

  /** Nothing is written for so many milliseconds, by any text. */
  quiet(milliseconds: number): void {
    this.#quietUntil = Math.max(this.#quietUntil, performance.now() + milliseconds);
  }

  get isQuiet(): boolean {
    return performance.now() < this.#quietUntil;
  }

  /**
   * Something may go. After one whole turn of the event loop: a process that was stopped hears first that its connection
   * is gone, and writes nothing into it.
   */
  call(): void {
    if (this.#calling || this.#waiting.size === 0) return;
    this.#calling = true;
    setImmediate(() => {
      this.#calling = false;
      this.#serve();
    });
  }

  #serve(): void {
    for (const waiting of this.#waiting) {
      const { session } = this.link();
      if (!session?.isWritable || this.#unanswered >= this.window) return;
      const now = performance.now();
      const wait = Math.max(this.#quietUntil - now, this.#rate.wait(now));
      if (wait > 0) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.call(), Math.ceil(wait)).unref();
        return;
      }
      this.#waiting.delete(waiting);
      const body = waiting.body();
      if (performance.now() >= waiting.time.sendBefore) {
        waiting.settle({ kind: 'not_sent', reason: 'late' });
        continue;
      }
      const request = session.request(COMMAND.submit_sm, body);
      this.#rate.take(now);
      void this.#answered(request, waiting);
    }
  }

  async #answered({ answer, giveUp }: ReturnType<SmppSession['request']>, { time, settle }: Waiting): Promise<void> {
    const { signal } = time;
    this.#unanswered += 1;
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
    const pdu = await answer;
    signal.removeEventListener('abort', giveUp);
    this.#unanswered -= 1;
    if (pdu) settle({ kind: 'answered', answer: pdu });
    else settle({ kind: 'no_answer', reason: signal.aborted ? 'timeout' : 'connection_lost' });
    this.call();
  }

  #whyWaiting(): 'not_connected' | 'busy' {
    return this.link().session?.isWritable ? 'busy' : 'not_connected';
  }
}

/** So many in any second, evenly; a burst is what falls within ten milliseconds, which timers cannot tell apart. */
class Rate {
  readonly #burst: number;
  readonly #perMillisecond: number;
  #left: number;
  #at = 0;

  constructor(perSecond: number) {
    this.#burst = Math.max(1, Math.floor(perSecond / 100));
    // What a burst brings beforehand is not given a second time.
    this.#perMillisecond = (perSecond - this.#burst + 1) / 1000;
    this.#left = this.#burst;
  }

  /** Milliseconds until the next may go. */
  wait(now: number): number {
    this.#left = Math.min(this.#burst, this.#left + (now - this.#at) * this.#perMillisecond);
    this.#at = now;
    return this.#left >= 1 ? 0 : (1 - this.#left) / this.#perMillisecond;
  }

  take(now: number): void {
    this.wait(now);
    this.#left -= 1;
  }
}
