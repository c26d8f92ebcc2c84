import { Smsc, type SmscAnswer, smscAnswers } from '../support/smsc.js';
import type { Line, Manner, Provider, Told } from './provider.js';

/** ESME_RSYSERR, ESME_RTHROTTLED, ESME_RINVDSTADR (SMPP 3.4 §5.1.3). */
const STATUS = { fails: 0x08, busy: 0x58, refuses: 0x0b };
const ANSWER_WITHIN = 3_000;
const DATE = '2611211029';

/** An SMSC: ids of answers are hexadecimal and those of receipts decimal, as at many operators. */
export class SmppLine implements Line {
  readonly drops: number[] = [];
  #last = 0x10_00_00;

  private constructor(private readonly smsc: Smsc) {}

  static async start(provider: Provider): Promise<SmppLine> {
    const smsc = await Smsc.start();
    const line = new SmppLine(smsc);
    smsc.answer = (submitted) => {
      const messageId = (line.#last += 1).toString(16);
      const { to, text } = submitted;
      const answer = (manner: Manner): void => {
        if (manner === 'resets') line.drops.push(performance.now());
        answerOf(manner, messageId)(submitted);
      };
      void provider.take({ id: null, to: `+${to}`, text }, messageId, line, answer);
    };
    return line;
  }

  get environment(): Record<string, string> {
    return { SMPP_URL: this.smsc.url, SMPP_WINDOW: '100', SMPP_PER_SECOND: '1000' };
  }

  async report(messageId: string, to: string, state: Told['state']): Promise<boolean> {
    const session = this.smsc.bound.at(-1);
    if (!session) return false;
    const [stat, err] = state === 'delivered' ? ['DELIVRD', '000'] : ['UNDELIV', '001'];
    const id = BigInt(`0x${messageId}`).toString();
    const sent = session.ask('deliver_sm', {
      ...{ source_addr: to.slice(1), destination_addr: 'Agreement', esm_class: 4 },
      short_message: `id:${id} sub:001 dlvrd:001 submit date:${DATE} done date:${DATE} stat:${stat} err:${err} text:`,
    });
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), ANSWER_WITHIN);
    const answer = await Promise.race([sent, late]);
    clearTimeout(timer);
    return answer?.command_status === 0;
  }

  stop(): Promise<void> {
    return this.smsc.stop();
  }
}

function answerOf(manner: Manner, messageId: string): SmscAnswer {
  if (manner === 'hangs') return smscAnswers.silence;
  if (manner === 'resets') return smscAnswers.drop;
  if (manner === 'accepts' || manner === 'slow') return smscAnswers.accepted(messageId);
  return smscAnswers.status(STATUS[manner]);
}
