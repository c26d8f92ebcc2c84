import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../support/until.js';
import type { Random } from './random.js';

/** How a provider treats the first tries for a number; afterwards it accepts. */
export type Manner = 'accepts' | 'slow' | 'fails' | 'busy' | 'hangs' | 'resets' | 'refuses';

/** One text as a provider was asked to send it. */
export interface Text {
  /** Of the send; what has no room for it gets it from the database in the end. */
  readonly id: string | null;
  readonly to: string;
  readonly text: string;
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
  /** Whether it was answered as accepted; else the service has every reason to come again. */
  readonly accepted: boolean;
}

/** A text whose send is known, or that is named after its number where it belongs to none. */
export type IdentifiedText = Text & { readonly id: string };

/** What the service has been told of a text, and has confirmed that it was. */
export interface Told {
  readonly provider: string;
  readonly messageId: string;
  readonly to: string;
  readonly state: 'delivered' | 'undelivered';
  /** Milliseconds of the monotonic clock: when it was first said. */
  readonly at: number;
}

/** A way to a provider. */
export interface Line {
  /** The settings of a service that uses it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Says what became of a text. @returns whether the service has confirmed it */
  report(messageId: string, to: string, state: Told['state']): Promise<boolean>;
  stop(): Promise<void>;
  /** When it broke a connection that others were using as well; milliseconds of the monotonic clock. */
  readonly drops: readonly number[];
}

const SLOW = 300;
const REPORT_AGAIN = 500;
/** What comes of a text that was accepted: mostly it arrives, and somebody says so. */
const ENDS: readonly (Told['state'] | 'silence')[] = [
  ...Array<'delivered'>(7).fill('delivered'),
  ...(['undelivered', 'undelivered', 'silence'] as const),
];
/** Milliseconds from the acceptance to the receipt; below zero it comes before the answer. */
const AFTER: readonly number[] = [-1, 0, 0, 50, 500, 2_000, 5_000];

/** A provider that keeps a log of everything, treats numbers as it was told to, and says later what became of its texts. */
export class Provider {
  readonly log: Text[] = [];
  readonly told: Told[] = [];
  readonly #manners = new Map<string, Manner>();
  readonly #newest = new Map<string, Text>();
  readonly #reports = new Set<Promise<void>>();
  #over = false;

  /**
   * @param random null: it says nothing later
   * @param last whether nobody comes after it: what it says was not delivered is on the phone all the same, so that the
   * person need not wait for what cannot come
   */
  constructor(
    readonly name: string,
    private readonly random: Random | null,
    private readonly last: boolean,
  ) {}

  treats(phone: string, manner: Manner): void {
    this.#manners.set(phone, manner);
  }

  /** The newest text that a phone shows. */
  shownOn(phone: string): Text | undefined {
    return this.#newest.get(phone);
  }

  /** Until it has said all that it has to say. @param patience milliseconds; what is then unsaid stays so */
  async finish(patience: number): Promise<void> {
    await until('the last receipt', () => this.#reports.size === 0, patience).catch(() => undefined);
    this.#over = true;
  }

  /**
   * A text has come.
   * @param answer gives the answer that the manner asks for
   */
  async take(
    text: Pick<Text, 'id' | 'to' | 'text'>,
    messageId: string,
    line: Pick<Line, 'report'>,
    answer: (manner: Manner) => void,
  ): Promise<void> {
    const manner = this.#manners.get(text.to) ?? 'accepts';
    if (manner !== 'refuses') this.#manners.delete(text.to);
    const accepted = manner === 'accepts' || manner === 'slow';
    const taken = { ...text, at: performance.now(), accepted };
    this.log.push(taken);
    const after = this.random?.of(AFTER) ?? 0;
    const end = accepted && this.random ? this.random.of(ENDS) : 'silence';
    // A text whose acceptance never came back is on the phone all the same.
    if ((end !== 'undelivered' || this.last) && (accepted || manner === 'hangs' || manner === 'resets')) {
      this.#newest.set(text.to, taken);
    }
    const say = end === 'silence' ? undefined : () => this.#say(line, { messageId, to: text.to, state: end });
    if (after < 0) say?.();
    if (manner === 'slow') await delay(SLOW);
    answer(manner);
    if (after >= 0 && say) setTimeout(say, after);
  }

  /** Again until it is confirmed, as providers do, and now and then once more for no reason. */
  #say(line: Pick<Line, 'report'>, said: Pick<Told, 'messageId' | 'to' | 'state'>): void {
    const { messageId, to, state } = said;
    const at = performance.now();
    const saying = async (): Promise<void> => {
      while (!this.#over && !(await line.report(messageId, to, state))) await delay(REPORT_AGAIN);
      if (this.#over) return;
      this.told.push({ provider: this.name, ...said, at });
      if (this.random && this.random.next() < 0.2) await line.report(messageId, to, state);
    };
    const report = saying().finally(() => this.#reports.delete(report));
    this.#reports.add(report);
  }
}
