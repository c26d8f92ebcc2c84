import type { SmtpSettings } from '../../config.js';
import { SmtpLine } from './smtp-line.js';
import { NotSent } from './timely-post.js';

/** Below what servers close idle sessions after (RFC 5321 §4.5.3.2 asks for 5 minutes). */
const IDLE_FOR = 30_000;
/** A session that does not answer at once may be open on our side only. */
const READY_WITHIN = 2_000;
/** Servers count mails by session; a new one is cheap. */
const MOST_ON_ONE = 100;
const QUIT_WITHIN = 1_000;

/**
 * Sessions that are kept for the next mail, so many at one time. Not nodemailer's own pool: that one cannot be told to give
 * a mail up, and sends by itself again what it thinks has not gone out.
 */
export class SmtpPool {
  readonly #idle: { readonly line: SmtpLine; readonly timer: NodeJS.Timeout }[] = [];
  readonly #waiting: (() => void)[] = [];
  #busy = 0;
  #stopped = false;

  constructor(private readonly settings: SmtpSettings) {}

  /**
   * A session that is ready for a mail, to be given back.
   * @throws NotSent where all of them are in use until the signal comes; what `SmtpLine.open` throws
   */
  async take(signal: AbortSignal): Promise<SmtpLine> {
    await this.#slot(signal);
    try {
      for (let kept = this.#idle.pop(); kept; kept = this.#idle.pop()) {
        clearTimeout(kept.timer);
        if (await kept.line.isReady(AbortSignal.any([signal, AbortSignal.timeout(READY_WITHIN)]))) return kept.line;
      }
      return await SmtpLine.open(this.settings, signal);
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  /** @param usable whether another mail may go over it */
  giveBack(line: SmtpLine, usable: boolean): void {
    this.#free();
    if (!usable || !line.isOpen || this.#stopped || line.sent >= MOST_ON_ONE) {
      if (usable && line.isOpen) void line.quit(AbortSignal.timeout(QUIT_WITHIN));
      else line.close();
      return;
    }
    const timer = setTimeout(() => {
      this.#forget(line);
      void line.quit(AbortSignal.timeout(QUIT_WITHIN));
    }, IDLE_FOR).unref();
    this.#idle.push({ line, timer });
    line.whenEnded(() => this.#forget(line));
  }

  /** Ends what is idle; what is still in use ends when it is given back. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const lines = this.#idle.splice(0);
    await Promise.all(
      lines.map(({ line, timer }) => {
        clearTimeout(timer);
        return line.quit(AbortSignal.timeout(QUIT_WITHIN));
      }),
    );
  }

  #forget(line: SmtpLine): void {
    const at = this.#idle.findIndex((kept) => kept.line === line);
    for (const { timer } of at < 0 ? [] : this.#idle.splice(at, 1)) clearTimeout(timer);
  }

  async #slot(signal: AbortSignal): Promise<void> {
    if (this.#busy < this.settings.connections) {
      this.#busy += 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = (): void => {
      const at = this.#waiting.indexOf(resolve);
      if (at < 0) return;
      this.#waiting.splice(at, 1);
      reject(new NotSent('busy'));
    };
    this.#waiting.push(resolve);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    await promise.finally(() => signal.removeEventListener('abort', giveUp));
  }

  /** The slot goes to whoever has waited longest. */
  #free(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#busy -= 1;
  }
}
