import { afterEach, beforeEach } from '@jest/globals';
import { pino } from 'pino';
import type { SmppSettings } from '../../src/config.js';
import type { SmppPatience } from '../../src/messaging/sms/smpp-account.js';
import { SmppGateway } from '../../src/messaging/sms/smpp-gateway.js';
import type { SmsMessage, SmsOutcome, SmsTime, TakeReceipt } from '../../src/messaging/sms/sms-gateway.js';
import { Secret } from '../../src/secret.js';
import { Smsc } from './smsc.js';

export const PHONE = '+79161234567';
export const OTHER = '+79161234568';
export const RUSSIAN = 'Ваш код 012345 действует 15 минут.';

/** For faults that are noticed by waiting. */
export const SHORT_PATIENCE: SmppPatience = {
  bound: 500,
  quietWhileAwaited: 100,
  quiet: 200,
  alive: 200,
  away: 1_000,
  goodbye: 200,
};

type Given = Partial<Omit<SmppSettings, 'url'>> & { readonly url?: string };
type Asked = Partial<Record<'to' | 'text', string>> & { readonly within?: number; readonly usefulFor?: number };

/** An SMSC and a gateway that uses it, anew for each test. */
export class SmppPair {
  readonly log: string[] = [];
  readonly #logger = pino({ level: 'debug' }, { write: (line: string) => void this.log.push(line) });
  #smsc: Smsc | undefined;
  #gateway: SmppGateway | undefined;
  #messages = 0;

  constructor(private readonly patience: SmppPatience | undefined) {}

  get smsc(): Smsc {
    if (!this.#smsc) throw new Error('no test runs');
    return this.#smsc;
  }

  get gateway(): SmppGateway {
    if (!this.#gateway) throw new Error('use() it first');
    return this.#gateway;
  }

  /** Makes the gateway. @param take what it does with receipts */
  use(given: Given = {}, take: TakeReceipt = () => Promise.resolve(), sender: string | null = 'Shop'): SmppGateway {
    const usual = { ca: undefined, window: 10, perSecond: 1000, longText: 'udh', receiptId: 'auto' } as const;
    const settings = { ...usual, ...given, url: new Secret(given.url ?? this.smsc.url) };
    this.#gateway = new SmppGateway(settings, sender ?? undefined, take, this.#logger, this.patience);
    return this.#gateway;
  }

  message({ to = PHONE, text = RUSSIAN }: Asked = {}): SmsMessage {
    const id = `m-${String((this.#messages += 1))}`;
    return { id, reference: 'r', to: new Secret(to), text: new Secret(text), mail: null };
  }

  /** @param asked `within` so many milliseconds it must go and be answered; `usefulFor` so many it is of use */
  send(asked: Asked = {}): Promise<SmsOutcome> {
    const { usefulFor } = asked;
    const useful = usefulFor === undefined ? {} : { usefulBefore: performance.now() + usefulFor };
    return this.gateway.send(this.message(asked), { ...within(asked.within ?? 3_000), ...useful });
  }

  async start(): Promise<void> {
    this.log.length = 0;
    this.#smsc = await Smsc.start();
  }

  async stop(): Promise<void> {
    await this.#gateway?.stop();
    await this.#smsc?.stop();
  }
}

/** From now. */
export function within(milliseconds: number): SmsTime {
  return { sendBefore: performance.now() + milliseconds, signal: AbortSignal.timeout(milliseconds) };
}

/** For the tests of the file or block that calls it. */
export function useSmpp(patience?: SmppPatience): SmppPair {
  const pair = new SmppPair(patience);
  beforeEach(() => pair.start());
  afterEach(() => pair.stop());
  return pair;
}
