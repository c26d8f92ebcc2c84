import type { SmtpSettings } from '../../config.js';
import type { Logger } from '../../logger.js';
import type { SmsGateway, SmsMessage, SmsOutcome, SmsTime } from './sms-gateway.js';
import { mailOf, messageIdOf, TimelyContent } from './smtp-mail.js';
import { SmtpPool } from './smtp-pool.js';
import { NotSent } from './timely-post.js';

/** What nodemailer's errors say; an answer of the server is in none of the logs: it may name the person. */
interface SmtpFailure {
  readonly code?: string;
  /** What `code` was before nodemailer named the kind of step. */
  readonly originalCode?: string;
  readonly command?: string;
  readonly response?: string;
  readonly responseCode?: number;
}

/** Commands whose answer is about this mail (RFC 5321 §4.2); those before are about us, or about the server. */
const OF_THE_MAIL = new Set(['MAIL FROM', 'RCPT TO', 'DATA']);
/** RFC 4954 §6: wants a login, or another one; nothing is said of the mail. */
const OF_THE_LOGIN = new Set([530, 534, 535, 538]);
/** OpenSSL's and Node's words for a certificate that is not believed, and for a server that speaks no TLS. */
const OF_TLS = /^ETLS$|CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO_/;
const COMPLAINS_EVERY = 60_000;

/** Hands mails to a server by SMTP (RFC 5321). Bounces that come later go to the sender's mailbox, not here. */
export class SmtpGateway implements SmsGateway {
  readonly name = 'smtp';
  /** Most servers deliver a second mail with the same Message-ID too. */
  readonly deduplicates = false;
  readonly #pool: SmtpPool;
  #complainsFrom = 0;

  constructor(
    private readonly settings: SmtpSettings,
    private readonly logger: Logger,
  ) {
    this.#pool = new SmtpPool(settings);
  }

  async send(message: SmsMessage, time: SmsTime): Promise<SmsOutcome> {
    const content = new TimelyContent(await mailOf(message, this.settings), time.sendBefore);
    try {
      return await this.#handOver(message, content, time.signal);
    } catch (error) {
      return this.#outcomeOf(error as SmtpFailure, content.begun, time.signal);
    }
  }

  stop(): Promise<void> {
    return this.#pool.stop();
  }

  async #handOver(message: SmsMessage, content: TimelyContent, signal: AbortSignal): Promise<SmsOutcome> {
    const line = await this.#pool.take(signal);
    let usable = false;
    try {
      const serverId = await line.send(this.settings.sender.address, message.to.reveal(), content, signal);
      usable = true;
      return { kind: 'accepted', messageId: (serverId ?? messageIdOf(message, this.settings)).slice(0, 255) };
    } catch (error) {
      // After an answer the session goes on; without one nobody knows where it stands.
      usable = codeOf(error as SmtpFailure) > 0;
      throw error;
    } finally {
      this.#pool.giveBack(line, usable);
    }
  }

  #outcomeOf(failure: SmtpFailure, begun: boolean, signal: AbortSignal): SmsOutcome {
    const { command = '' } = failure;
    const responseCode = codeOf(failure);
    const ofTheMail = OF_THE_MAIL.has(command);
    // A line that was cut off in the middle is no answer to what was sent.
    if (begun && !(responseCode && ofTheMail)) {
      return { kind: 'unknown', reason: signal.aborted ? 'timeout' : 'connection_lost' };
    }
    const reason = reasonOf(failure, signal);
    const forGood = responseCode >= 500;
    const login = OF_THE_LOGIN.has(responseCode) || failure.code === 'EAUTH';
    const ours = login || OF_TLS.test(reason) || (forGood && command !== 'RCPT TO' && command !== 'DATA');
    if (ours) this.#complain(reason, command);
    if (forGood && ofTheMail && !login) return { kind: 'refused', reason };
    return { kind: 'try_later', reason, retryAfter: null };
  }

  /** What nobody but the operator can put right, once in a while. */
  #complain(reason: string, step: string): void {
    if (performance.now() < this.#complainsFrom) return;
    this.#complainsFrom = performance.now() + COMPLAINS_EVERY;
    this.logger.error({ provider: this.name, step, reason }, 'the mail server does not take mails from us');
  }
}

/** A code by which a server refuses (RFC 5321 §4.2.1); 0 where it gave none, or no sense. */
function codeOf({ responseCode = 0 }: SmtpFailure): number {
  return responseCode >= 400 && responseCode < 600 ? responseCode : 0;
}

/** The server's codes (`smtp_550_5.1.1`, RFC 3463), never its words; else the error's. */
function reasonOf(failure: SmtpFailure, signal: AbortSignal): string {
  const { response = '', code, originalCode } = failure;
  const responseCode = codeOf(failure);
  if (failure instanceof NotSent) return failure.reason;
  if (responseCode) {
    const enhanced = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1];
    return enhanced === undefined ? `smtp_${responseCode}` : `smtp_${responseCode}_${enhanced}`;
  }
  if (signal.aborted) return 'not_connected';
  return originalCode ?? code ?? 'connection_lost';
}
