import { randomUUID } from 'node:crypto';
import { codeIn } from './api.js';
import { answers, type SmsAnswer, SmsServer } from './sms-server.js';
import { startTwilio, twilioAnswers, type TwilioServer } from './twilio-server.js';

/** `http` keeps the ids of texts, so that a repeat is none; `twilio` knows no ids. */
export type ProviderName = 'http' | 'twilio';

/** What a provider does with a text: takes it, refuses it, wants it a second later or in an hour, or breaks the connection. */
export type Manner = 'accepted' | 'refused' | 'later' | 'too_late' | 'unknown';

/** One call for one person. */
export interface ProviderCall {
  readonly provider: ProviderName;
  readonly manner: Manner;
  readonly code: string;
}

const WAIT: Readonly<Partial<Record<Manner, string>>> = { later: '1', too_late: '3600' };

/** Two providers that speak their own ways, over the wire, and do as they are told. */
export class TwoProviders {
  readonly #scripts = new Map<string, readonly Manner[]>();

  private constructor(
    readonly http: SmsServer,
    private readonly twilioServer: TwilioServer,
  ) {}

  static async start(): Promise<TwoProviders> {
    const [http, twilio] = await Promise.all([SmsServer.start(), startTwilio()]);
    return new TwoProviders(http, twilio);
  }

  get twilio(): SmsServer {
    return this.twilioServer.server;
  }

  /** The settings of a service that asks the one first in Russia and the other one in Germany. */
  get environment(): Record<string, string> {
    const routes = { SMS_PROVIDERS: 'http', SMS_ROUTES: 'RU:http,twilio;DE:twilio,http' };
    return { ...this.twilioServer.environment, ...this.http.environment, ...routes };
  }

  async stop(): Promise<void> {
    await Promise.all([this.http.stop(), this.twilio.stop()]);
  }

  /** How a provider treats the first calls for a number, in this order; after them it takes all. */
  treats(provider: ProviderName, phone: string, ...script: Manner[]): void {
    this.#scripts.set(`${provider} ${phone}`, script);
    const made = provider === 'http' ? script.map(asHttp) : [...script, ...PATIENT].map(asTwilio);
    this[provider].willAnswer(phone, ...made);
  }

  /** All calls for a number, the first one first. */
  calls(phone: string): ProviderCall[] {
    const of = (provider: ProviderName) =>
      this[provider].to(phone).map(({ at, body }, index) => {
        const manner = this.#scripts.get(`${provider} ${phone}`)?.[index] ?? 'accepted';
        return { at, provider, manner, code: codeIn(body.text) };
      });
    const both = [...of('http'), ...of('twilio')].sort((one, other) => one.at - other.at);
    return both.map(({ provider, manner, code }) => ({ provider, manner, code }));
  }

  /** The same in words, such as `http refused`. */
  told(phone: string): string[] {
    return this.calls(phone).map(({ provider, manner }) => `${provider} ${manner}`);
  }
}

/** The server of Twilio takes nothing that it was not told to. */
const PATIENT = Array<Manner>(5).fill('accepted');

function asHttp(manner: Manner): SmsAnswer {
  if (manner === 'accepted') return answers.accepted({ message_id: randomUUID() });
  if (manner === 'refused') return answers.status(400);
  return manner === 'unknown' ? answers.reset : answers.status(503, { 'retry-after': WAIT[manner] ?? '' });
}

function asTwilio(manner: Manner): SmsAnswer {
  if (manner === 'accepted') return twilioAnswers.created(`SM${randomUUID().replaceAll('-', '')}`);
  if (manner === 'refused') return twilioAnswers.refused(400, 21211);
  return manner === 'unknown'
    ? answers.reset
    : twilioAnswers.refused(429, 20429, { 'retry-after': WAIT[manner] ?? '' });
}

let lastGerman = 0;

/** A German mobile number that no other test of this process uses. */
export function freshGerman(): string {
  lastGerman += 1;
  return `+49151${String(10_000_000 + ((process.pid * 7919 + lastGerman) % 80_000_000))}`;
}
