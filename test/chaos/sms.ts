import { HttpLine } from './http-line.js';
import { type Line, type Manner, Provider, type Text, type Told } from './provider.js';
import { Random } from './random.js';
import { SmppLine } from './smpp-line.js';

/** The chains that a run can have, as `--sms` takes them. */
export const CHAINS = ['http', 'smpp', 'smpp,http'] as const;
export type Chain = (typeof CHAINS)[number];

interface Member {
  readonly provider: Provider;
  readonly line: Line;
}

/** The providers of a deployment, in the order of its chain, and the phones behind them. */
export class Sms {
  private constructor(
    private readonly chain: Chain,
    private readonly members: readonly Member[],
  ) {}

  /**
   * @param seed null: nothing is said of a text once it was accepted
   * @param doors where the service takes receipts, those that are open
   */
  static async start(chain: Chain, seed: number | null, doors: () => readonly string[]): Promise<Sms> {
    const names = chain.split(',');
    const members = names.map(async (name, index) => {
      const random = seed === null ? null : new Random(seed + 2 + index);
      const provider = new Provider(name, random, index === names.length - 1);
      return { provider, line: await (name === 'smpp' ? SmppLine.start(provider) : HttpLine.start(provider, doors)) };
    });
    return new Sms(chain, await Promise.all(members));
  }

  /** The settings of a service that sends through them. */
  get environment(): Record<string, string> {
    const lines = this.members.map(({ line }) => line.environment);
    return Object.assign({ SMS_PROVIDERS: this.chain, SMS_TIMEOUT: '3' }, ...lines) as Record<string, string>;
  }

  get log(): readonly Text[] {
    return this.members.flatMap(({ provider }) => provider.log).sort((one, other) => one.at - other.at);
  }

  get told(): readonly Told[] {
    return this.members.flatMap(({ provider }) => provider.told);
  }

  /** The first of them does; what it refuses comes to the next, which takes it. */
  treats(phone: string, manner: Manner): void {
    this.members[0]?.provider.treats(phone, manner);
  }

  /** When a connection was broken that other texts were on. */
  get drops(): readonly number[] {
    return this.members.flatMap(({ line }) => line.drops);
  }

  /** The newest text that a phone shows. */
  shownOn(phone: string): Text | undefined {
    const shown = this.members.map(({ provider }) => provider.shownOn(phone)).filter((text) => text !== undefined);
    return shown.sort((one, other) => other.at - one.at)[0];
  }

  /** Until they have said all that they have to say. @param patience milliseconds */
  async finish(patience: number): Promise<void> {
    await Promise.all(this.members.map(({ provider }) => provider.finish(patience)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map(({ line }) => line.stop()));
  }
}
