import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { Database, type Query } from '../database/index.js';
import { LOGGER, type Logger } from '../logger.js';
import { Metrics } from '../metrics.js';
import type { Secret } from '../secret.js';
import {
  Admission,
  asked,
  earlyLeast,
  earlyOf,
  earlyWindows,
  type LimitName,
  type Rule,
  rulesOf,
  type Tally,
  type Wish,
} from './admission.js';
import { LimitError } from './limit-error.js';
import { LimitKeyRing, type LimitKeys, prefixOf } from './limit-keys.js';
import { GIVE_UP, HOLD, JUDGE, LOCK, TAKE, USAGE } from './limits.sql.js';
import type { Quota } from './quota.js';

/** What a statement with `judged` says of one new code. */
export interface Judgement {
  readonly limit: LimitName | null;
  /** Seconds. */
  readonly wait: number | null;
  readonly used: readonly { readonly no: number; readonly used: number; readonly reset: number }[] | null;
}

/** What the statements want to know of a new code, ready for JSON. */
export interface NewEntry {
  readonly client: string;
  readonly contact_keys: readonly string[];
  readonly prefix_keys: readonly string[];
  readonly country: string | null;
  readonly limit_country: string | null;
  readonly address_keys: readonly string[];
}

/** A send that is due, as the claim has locked it. */
export interface DueSend {
  readonly reference: string;
  readonly generation: number;
  readonly client: string;
  /** E.164, or an address of e-mail; null where it has been purged. */
  readonly contact: Secret<string> | null;
  readonly country: string | null;
  /** The key that the request was counted under; null where addresses are not limited. */
  readonly address: string | null;
}

/** How much may be sent to, from and through whom: an early answer at the request, the exact one at the claim. */
@Injectable()
export class SendLimits {
  /** The windows of the early answer, as the statements take them. */
  readonly windows: string;
  /** What decides whether they are looked at, likewise. */
  readonly least: readonly (number | null)[];
  readonly #rules: readonly Rule[];
  /** Those that a client is told of: its own, as far as the early answer looks at them. */
  readonly #told: readonly Rule[];
  readonly #ring: LimitKeyRing;
  readonly #counts: ReadonlySet<Rule['scope']>;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly database: Database,
    private readonly metrics: Metrics,
  ) {
    this.#rules = rulesOf(config.limits);
    const early = earlyOf(this.#rules);
    this.#told = early.filter(({ own }) => own);
    this.windows = earlyWindows(early);
    this.least = earlyLeast(early);
    this.#ring = new LimitKeyRing(config.contactKeys.map(({ secret }) => ({ secret: secret.reveal() })));
    this.#counts = new Set(this.#rules.map(({ scope }) => scope));
  }

  /** @param contact E.164, or an address of e-mail @param ip of the person, or else of the caller */
  entry(client: string, contact: string, country: string | null, ip: string | null): NewEntry {
    const keys = this.#ring.of(contact, country, this.#counts.has('address') ? ip : null);
    return {
      ...{ client, contact_keys: keys.contact, prefix_keys: keys.prefix, country },
      limit_country: this.#counts.has('country') ? country : null,
      address_keys: keys.address,
    };
  }

  /** What a test number counts under: nothing, and nothing is in its way. */
  uncounted(client: string): NewEntry {
    return { client, contact_keys: [], prefix_keys: [], country: null, limit_country: null, address_keys: [] };
  }

  /** Whether a further code may be asked for, as it looks without locks. */
  async judge(entry: NewEntry): Promise<Judgement> {
    const [judgement] = await this.database.query<Judgement>(JUDGE, [
      JSON.stringify([{ n: 0, ...entry }]),
      this.windows,
    ]);
    if (!judgement) throw new Error('a judgement of one gives one');
    return judgement;
  }

  /** What is left to the client, after this one where it was let through. */
  quotas({ limit, used }: Judgement): Quota[] {
    return this.#told.map(({ no, name, max, secs }) => {
      const found = used?.find((use) => use.no === no);
      const remaining = max - (found?.used ?? 0) - (limit === null ? 1 : 0);
      return {
        policy: `${name}-${secs}`,
        max,
        within: secs,
        remaining: Math.max(0, remaining),
        reset: found?.reset ?? secs,
      };
    });
  }

  /** @throws LimitError where the judgement is a refusal */
  enforce(judgement: Judgement): void {
    if (judgement.limit === null) return;
    throw new LimitError(judgement.limit, Math.max(1, judgement.wait ?? 1), this.quotas(judgement));
  }

  /**
   * Lets due sends through, as many as the limits allow, exactly: whoever else claims under the same keys waits.
   * @param query of the transaction in which the sends are claimed
   * @returns the limit that stands in the way, of each that is not let through
   */
  async take(query: Query, sends: readonly DueSend[]): Promise<ReadonlyMap<DueSend, LimitName>> {
    if (sends.length === 0) return new Map();
    const wishes = new Map(sends.map((send) => [send, this.#wish(send)]));
    const admission = new Admission(this.#rules);
    await this.#count(query, admission, [...wishes.values()]);
    const refusals = new Map<DueSend, LimitName>();
    for (const [send, wish] of wishes) {
      const limit = admission.admit(wish);
      if (limit) refusals.set(send, limit);
    }
    const [refused, taken] = [[...refusals.keys()], sends.filter((send) => !refusals.has(send))];
    await this.#write(query, taken, wishes);
    if (refused.length > 0) await query(GIVE_UP, columns(refused));
    for (const closed of admission.closed([...wishes.values()])) await this.#hold(query, closed, sends);
    for (const limit of refusals.values()) this.metrics.limitHits.inc({ limit });
    return refusals;
  }

  /** Nothing will be sent of these: they count no longer. */
  async giveUp(query: Query, sends: readonly Pick<DueSend, 'reference' | 'generation'>[]): Promise<void> {
    if (sends.length > 0) await query(GIVE_UP, columns(sends));
  }

  #wish({ reference, generation, client, contact, country, address }: DueSend): Wish {
    const keys = this.#ring.of(contact?.reveal() ?? '', country, null);
    return { reference, generation, client, keys: { ...keys, address: address === null ? [] : [address] } };
  }

  async #count(query: Query, admission: Admission, wishes: readonly Wish[]): Promise<void> {
    const questions = admission.questions(wishes);
    const locks = questions.flatMap(({ keys, country }) => (country === null ? keys : this.#ring.country(country)));
    const sorted = [...new Set(locks)].map(BigInt).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    await query(LOCK, [sorted.map(String)]);
    const tallies = await query<Tally & { id: number }>(USAGE, [JSON.stringify(questions.map(asked))]);
    for (const { id, ...tally } of tallies) {
      const question = questions[id];
      if (question) admission.know(question, tally);
    }
  }

  async #write(query: Query, taken: readonly DueSend[], wishes: ReadonlyMap<DueSend, Wish>): Promise<void> {
    if (taken.length === 0) return;
    const keysOf = (send: DueSend): LimitKeys | undefined => wishes.get(send)?.keys;
    await query(TAKE, [
      ...columns(taken),
      taken.map(({ client }) => client),
      taken.map((send) => keysOf(send)?.contact[0]),
      taken.map((send) => keysOf(send)?.prefix[0]),
      taken.map(({ country }) => (this.#counts.has('country') ? country : null)),
      taken.map(({ address }) => address),
    ]);
  }

  async #hold(
    query: Query,
    { rule, keys, country, tally, wish }: ReturnType<Admission['closed']>[number],
    sends: readonly DueSend[],
  ): Promise<void> {
    const phone = sends.find(({ reference }) => reference === wish.reference)?.contact?.reveal() ?? '';
    const label = country ?? prefixOf(phone);
    const confirmed = tally.sends - tally.unconfirmed;
    const [hold] = await query<{ until: Date; new: boolean }>(HOLD, [
      ...[rule.scope, country ?? keys[0], label, rule.name, keys, rule.max, rule.secs, tally.sends, confirmed],
    ]);
    if (!hold?.new) return;
    const what = { kind: rule.scope, label, limit: rule.name, until: hold.until, sends: tally.sends, confirmed };
    this.logger.warn(what, 'held back: no more texts there for now');
  }
}

function columns(sends: readonly Pick<DueSend, 'reference' | 'generation'>[]): [string[], number[]] {
  return [sends.map(({ reference }) => reference), sends.map(({ generation }) => generation)];
}
