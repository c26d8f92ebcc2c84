import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, Api, codeIn, freshPhone, otherThan } from '../support/api.js';
import { until } from '../support/until.js';
import type { Member } from './member.js';
import type { Manner } from './provider.js';
import type { Random } from './random.js';
import type { Sms } from './sms.js';

/** What one caller was told about one agreement. */
export interface Asked {
  readonly reference: string;
  readonly phone: string;
  /** How many confirmations were answered with 200. */
  confirmations: number;
  cancelled: boolean;
}

type Behaviour = 'confirms' | 'confirms at once' | 'errs and confirms' | 'resends and confirms' | 'cancels' | 'leaves';

const BEHAVIOURS: readonly Behaviour[] = [
  ...Array<Behaviour>(10).fill('confirms'),
  ...Array<Behaviour>(4).fill('confirms at once'),
  ...(['errs and confirms', 'errs and confirms', 'resends and confirms', 'resends and confirms'] as const),
  ...(['cancels', 'leaves'] as const),
];
const MANNERS: readonly Manner[] = [
  ...Array<Manner>(14).fill('accepts'),
  ...(['slow', 'fails', 'busy', 'hangs', 'resets', 'refuses'] as const),
];
const AT_ONCE = 6;
/** A phone that stays silent for so long is put away; whether it should have rung is for the checker to say. */
const TEXT_WITHIN = 90_000;
const ANSWER_WITHIN = 30_000;
/** No answer has to take longer; then the caller gives up and asks somebody else. */
const PATIENCE = 8_000;

/** Callers and the people they ask: a steady stream of agreements, and a ledger of all that was answered. */
export class Load {
  /** Every agreement that was answered with 201. */
  readonly asked: Asked[] = [];
  /** Answers to create by status; 0 for none. */
  readonly answers = new Map<number, number>();
  readonly #going = new Set<Promise<void>>();
  readonly #over = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly doors: readonly Member[],
    private readonly sms: Sms,
    private readonly random: Random,
  ) {}

  /** @param rate agreements a second */
  start(rate: number): void {
    this.#timer = setInterval(() => this.#track(this.#ask()), 1000 / rate);
  }

  /**
   * Asks no more people and waits until all have done what they wanted.
   * @param patience milliseconds; who still waits for a text then goes without
   */
  async finish(patience: number): Promise<void> {
    clearInterval(this.#timer);
    const timer = setTimeout(() => this.#over.abort(), patience);
    await Promise.all(this.#going);
    clearTimeout(timer);
  }

  async #ask(): Promise<void> {
    const phone = freshPhone();
    const manner = this.random.of(MANNERS);
    this.sms.treats(phone, manner);
    // Who gets no text has nothing to confirm by.
    const behaviour = manner === 'refuses' ? 'leaves' : this.random.of(BEHAVIOURS);
    const answer = await this.#call((api) => api.create({ phone }));
    const status = answer?.status ?? 0;
    this.answers.set(status, (this.answers.get(status) ?? 0) + 1);
    if (!answer || status !== 201) return;
    const asked = { reference: String(answer.body['reference']), phone, confirmations: 0, cancelled: false };
    this.asked.push(asked);
    await this.#behave(asked, behaviour);
  }

  async #behave(asked: Asked, behaviour: Behaviour): Promise<void> {
    const { reference, phone } = asked;
    if (behaviour === 'leaves') return;
    if (behaviour === 'cancels') {
      const answer = await this.#insist((api) => api.post(`/v1/agreement/${reference}/cancel`));
      asked.cancelled = answer?.status === 200;
      return;
    }
    const first = await this.#codeOn(phone);
    if (first === undefined) return;
    if (behaviour === 'errs and confirms') await this.#insist((api) => api.confirm(reference, otherThan(first)));
    const right = behaviour === 'resends and confirms' ? await this.#another(asked, first) : first;
    const times = behaviour === 'confirms at once' ? AT_ONCE : 1;
    const answers = await Promise.all(
      Array.from({ length: times }, () => this.#insist((api) => api.confirm(reference, right))),
    );
    asked.confirmations += answers.filter((answer) => answer?.status === 200).length;
  }

  /** The code of a resend, where one comes; else the old one. */
  async #another({ reference, phone }: Asked, code: string): Promise<string> {
    const answer = await this.#insist((api) => api.retried(() => api.post(`/v1/agreement/${reference}/resend`)));
    return answer?.status === 202 ? ((await this.#codeOn(phone, code)) ?? code) : code;
  }

  /** The code that a phone shows, once it is another than `but`; undefined where none comes. */
  async #codeOn(phone: string, but?: string): Promise<string | undefined> {
    const shown = await until(
      'a text',
      () => {
        if (this.#over.signal.aborted) return 'none';
        const code = codeIn(this.sms.shownOn(phone)?.text ?? '');
        return code === but ? undefined : code;
      },
      TEXT_WITHIN,
    ).catch(() => 'none');
    return shown === 'none' ? undefined : shown;
  }

  /** Again while there is no answer or a 503: what callers are told to do. */
  async #insist(call: (api: Api) => Promise<Answer>): Promise<Answer | undefined> {
    return until(
      'an answer',
      async () => {
        const answer = await this.#call(call);
        if (answer && answer.status !== 503) return answer;
        await delay(200);
        return undefined;
      },
      ANSWER_WITHIN,
    ).catch(() => undefined);
  }

  /** One call at one door; undefined where no answer came. */
  async #call(call: (api: Api) => Promise<Answer>): Promise<Answer | undefined> {
    const open = this.doors.filter((door) => door.isRunning);
    if (open.length === 0) return undefined;
    const answer = call(new Api(this.random.of(open).url)).catch(() => undefined);
    const tired = new AbortController();
    const waited = delay(PATIENCE, undefined, { signal: tired.signal }).catch(() => undefined);
    return Promise.race([answer, waited]).finally(() => tired.abort());
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#going.delete(tracked));
    this.#going.add(tracked);
  }
}
