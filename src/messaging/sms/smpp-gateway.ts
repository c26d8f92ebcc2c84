import { parsePhoneNumber, secretPhone } from '../../agreement/index.js';
import type { SmppSettings } from '../../config.js';
import type { Logger } from '../../logger.js';
import { Secret } from '../../secret.js';
import { accountOf, INTERNATIONAL, PATIENCE, type SmppPatience, sourceOf } from './smpp-account.js';
import { MessageIds } from './smpp-ids.js';
import { SmppLine, type Submitted } from './smpp-line.js';
import { SmppLink } from './smpp-link.js';
import { COMMAND, type Delivery, deliveryIn, messageIdIn, type Pdu, type SmppAddress, submitBody } from './smpp-pdu.js';
import { receiptIn } from './smpp-receipt.js';
import { SmppSession } from './smpp-session.js';
import { INVALID_EXPIRY, refusalOf, STATUS, statusName } from './smpp-status.js';
import { concatReference, encodeText, type TextPart } from './smpp-text.js';
import { validityOf } from './smpp-validity.js';
import type { Receipt, SmsGateway, SmsMessage, SmsOutcome, SmsTime, TakeReceipt } from './sms-gateway.js';

const FIRST_QUIET = 1_000;
const LONGEST_QUIET = 8_000;

/** An SMSC, by SMPP 3.4 over one connection that is kept. */
export class SmppGateway implements SmsGateway {
  readonly name = 'smpp';
  readonly deduplicates = false;
  readonly #link: SmppLink;
  readonly #line: SmppLine;
  readonly #ids: MessageIds;
  readonly #source: SmppAddress;
  /** Throttled in a row. */
  #tooMuch = 0;
  #takesValidity = true;

  /** @param sender a name of up to 11 characters, a number, or a short code; none: the SMSC's own */
  constructor(
    private readonly settings: SmppSettings,
    sender: string | undefined,
    private readonly receipts: TakeReceipt,
    private readonly logger: Logger,
    patience: SmppPatience = PATIENCE,
  ) {
    const account = accountOf(settings);
    const events = { onDelivery: (pdu: Pdu) => this.#take(pdu), onWritable: () => this.#line.call() };
    this.#link = new SmppLink((stop) => SmppSession.open(account, patience, events, stop), events.onWritable, logger);
    this.#line = new SmppLine(settings.window, settings.perSecond, patience.away, () => this.#link);
    this.#ids = new MessageIds(settings.receiptId);
    this.#source = sourceOf(sender);
  }

  start(): void {
    this.#link.start();
  }

  stop(): Promise<void> {
    return this.#link.stop();
  }

  /**
   * A text of several parts is accepted when its last part is; each part goes when the one before was accepted, so that
   * after a refusal nothing more is sent that no phone could put together.
   */
  async send({ id, to, text }: SmsMessage, time: SmsTime): Promise<SmsOutcome> {
    this.start();
    const parts = encodeText(text.reveal(), this.settings.longText, concatReference(id));
    let outcome: SmsOutcome = { kind: 'refused', reason: 'text_too_long' };
    for (const [index, part] of parts.entries()) {
      const isLast = index === parts.length - 1;
      outcome = await this.#sendPart(() => this.#body(part, to, isLast, time), index > 0, time);
      if (outcome.kind !== 'accepted') break;
    }
    return outcome;
  }

  #body(part: TextPart, to: Secret<string>, receipt: boolean, time: SmsTime): Buffer {
    const destination = { ...INTERNATIONAL, address: to.reveal().replace(/^\+/, '') };
    const validity = this.#takesValidity ? validityOf(time) : '';
    return submitBody({ source: this.#source, destination, receipt, validity, ...part });
  }

  /** @param begun a part before it was accepted: where only the moment is wrong it stays in line as long as it may */
  async #sendPart(body: () => Buffer, begun: boolean, time: SmsTime): Promise<SmsOutcome> {
    for (;;) {
      const withValidity = this.#takesValidity && time.usefulBefore !== undefined;
      const submitted = await this.#line.submit(body, time);
      if (withValidity && isAboutValidity(submitted)) {
        this.#goWithoutValidity();
        continue;
      }
      const outcome = this.#outcomeOf(submitted);
      if (!begun || outcome.kind !== 'try_later' || submitted.kind !== 'answered' || !this.#line.isQuiet)
        return outcome;
    }
  }

  /** From now on, for this process: it would refuse every text. */
  #goWithoutValidity(): void {
    const reason = statusName(INVALID_EXPIRY);
    if (this.#takesValidity) this.logger.warn({ provider: this.name, reason }, 'the SMSC takes no validity period');
    this.#takesValidity = false;
  }

  #outcomeOf(submitted: Submitted): SmsOutcome {
    if (submitted.kind === 'not_sent') return { kind: 'try_later', reason: submitted.reason, retryAfter: null };
    if (submitted.kind === 'no_answer') return { kind: 'unknown', reason: submitted.reason };
    const { command, status, body } = submitted.answer;
    if (status !== STATUS.ok) return this.#refused(status);
    // It was not understood, but not refused either.
    if (command === COMMAND.generic_nack) return { kind: 'unknown', reason: 'generic_nack' };
    this.#tooMuch = 0;
    const messageId = messageIdIn(body);
    if (messageId !== null) this.#ids.answered(messageId);
    return { kind: 'accepted', messageId };
  }

  #refused(status: number): SmsOutcome {
    const { kind, reason, tooMuch, notBound, ourAccount } = refusalOf(status);
    if (ourAccount) this.logger.warn({ provider: this.name, reason }, 'the SMSC refuses this account or its sender');
    if (notBound) this.#link.session?.abandon(reason);
    const retryAfter = tooMuch ? this.#beQuiet() : null;
    return kind === 'refused' ? { kind, reason } : { kind, reason, retryAfter };
  }

  /** Longer each time; all that were under way together count once. @returns milliseconds */
  #beQuiet(): number {
    if (!this.#line.isQuiet) this.#tooMuch += 1;
    const wait = Math.min(LONGEST_QUIET, FIRST_QUIET * 2 ** (this.#tooMuch - 1));
    this.#line.quiet(wait);
    return wait;
  }

  /** @returns what the SMSC is answered; by then a receipt is kept, or it comes again */
  async #take(pdu: Pdu): Promise<number> {
    const receipt = this.#receiptIn(pdu);
    if (typeof receipt === 'number') return receipt;
    try {
      await this.receipts(receipt);
      return STATUS.ok;
    } catch (error) {
      this.logger.warn({ provider: this.name, reason: String(error) }, 'a receipt cannot be kept; it will come again');
      return STATUS.notNow;
    }
  }

  /** @returns a status where there is nothing to keep: people's messages, steps on the way, what nobody understands */
  #receiptIn(pdu: Pdu): Receipt | number {
    try {
      const delivery = deliveryIn(pdu);
      const receipt = receiptIn(delivery);
      if (typeof receipt === 'string') return STATUS.ok;
      const { id, state, reason } = receipt;
      const messageIds = this.#ids.candidates(id);
      return { provider: this.name, messageIds, recipient: this.#recipientOf(delivery), state, reason };
    } catch (error) {
      this.logger.warn({ provider: this.name, reason: String(error) }, 'a delivery of the SMSC cannot be understood');
      return STATUS.never;
    }
  }

  /** Null rather than wrong: a receipt without a recipient is found by its id alone, one with a wrong one never. */
  #recipientOf({ source }: Delivery): Secret<string> | null {
    const e164 = `+${source.address.replace(/^\+|^00/, '')}`;
    const isOurs = e164 === `+${this.#source.address}`;
    return source.ton <= INTERNATIONAL.ton && !isOurs && isPhoneNumber(e164) ? secretPhone(e164) : null;
  }
}

function isAboutValidity(submitted: Submitted): boolean {
  return submitted.kind === 'answered' && submitted.answer.status === INVALID_EXPIRY;
}

function isPhoneNumber(e164: string): boolean {
  try {
    parsePhoneNumber(e164, { countries: '*', defaultRegion: undefined });
    return true;
  } catch {
    return false;
  }
}
