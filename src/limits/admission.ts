import type { Config, Window } from '../config.js';
import type { LimitKeys } from './limit-keys.js';
import { EARLY_MAX } from './limits.sql.js';

/** What stood in the way of a text; all but `address` are the contract's `limit`. */
export type LimitName = 'phone' | 'prefix' | 'country' | 'address' | 'client' | 'hold';

/** Sends within a window, and those of them whose agreements were not confirmed. */
export interface Tally {
  readonly sends: number;
  readonly unconfirmed: number;
}

/** One window, or the guard, over what is counted under one kind of key. */
export interface Rule {
  readonly no: number;
  readonly scope: 'contact' | 'prefix' | 'country' | 'address';
  readonly name: LimitName;
  /** Seconds. */
  readonly secs: number;
  /** Only what the same client has sent. */
  readonly own: boolean;
  /** Whether it matters what was confirmed. */
  readonly confirmations: boolean;
  /** For the guard: from how many sends on it looks. */
  readonly max: number;
  readonly guard: boolean;
  /** Whether a further send is one too many. */
  readonly refuses: (tally: Tally) => boolean;
}

/** A send that wants to be let through. */
export interface Wish {
  readonly reference: string;
  readonly generation: number;
  readonly client: string;
  readonly keys: LimitKeys;
}

/** The guard judges a country by so many of its newest sends at least. */
const SAMPLE = 10_000;

/** What the database is asked for: the tally of one rule for one key. */
export interface Question {
  readonly rule: Rule;
  readonly keys: readonly string[];
  readonly country: string | null;
  readonly client: string | null;
}

/** The rules of a configuration, in the order in which they are named to a caller. */
export function rulesOf({ guard, ...limits }: Config['limits']): readonly Rule[] {
  const windows = (
    all: readonly Window[],
    rule: Pick<Rule, 'scope' | 'name' | 'own' | 'confirmations'>,
  ): Omit<Rule, 'no'>[] =>
    all.map(({ max, within }) => ({
      ...rule,
      secs: within / 1000,
      max,
      guard: false,
      refuses: ({ sends, unconfirmed }) => (rule.confirmations ? unconfirmed : sends) >= max,
    }));
  const held = (scope: 'prefix' | 'country'): Omit<Rule, 'no'> => ({
    ...{ scope, name: 'hold', own: false, confirmations: true, guard: true },
    secs: guard.window / 1000,
    max: guard.minSends,
    refuses: ({ sends, unconfirmed }) => sends >= guard.minSends && (sends - unconfirmed) / sends < guard.minConversion,
  });
  return [
    ...windows(limits.phone, { scope: 'contact', name: 'phone', own: true, confirmations: true }),
    ...windows(limits.phoneAll, { scope: 'contact', name: 'phone', own: false, confirmations: true }),
    ...windows(limits.prefix, { scope: 'prefix', name: 'prefix', own: false, confirmations: true }),
    ...windows(limits.country, { scope: 'country', name: 'country', own: false, confirmations: false }),
    ...windows(limits.address, { scope: 'address', name: 'address', own: false, confirmations: false }),
    ...(guard.minConversion > 0 ? [held('prefix'), ...(guard.countries ? [held('country')] : [])] : []),
  ].map((rule, no) => ({ no, ...rule }));
}

/** The windows that a request is compared with. */
export function earlyOf(rules: readonly Rule[]): readonly Rule[] {
  return rules.filter(({ guard, max }) => !guard && max <= EARLY_MAX);
}

/** Those, in the form that the statement takes. */
export function earlyWindows(early: readonly Rule[]): string {
  return JSON.stringify(
    early.map(({ no, scope, name, max, secs, own, confirmations }) => ({
      ...{ no, scope, name, max, secs, own },
      unconfirmed: confirmations,
    })),
  );
}

/**
 * What `concerned` compares with, scope by scope: how many seconds its windows reach, and the least number of rows that
 * matters; nulls where a scope has no window.
 */
export function earlyLeast(early: readonly Rule[]): readonly (number | null)[] {
  return (['contact', 'prefix', 'country', 'address'] as const).flatMap((scope) => {
    const own = early.filter((rule) => rule.scope === scope);
    if (own.length === 0) return [null, null];
    return [Math.max(...own.map(({ secs }) => secs)), Math.min(...own.map((rule) => (rule.own ? 1 : rule.max)))];
  });
}

/** Lets sends through, one after the other, each counted before the next is looked at. */
export class Admission {
  readonly #tallies = new Map<string, Tally>();

  constructor(private readonly rules: readonly Rule[]) {}

  /** Everything that has to be known first, each once. */
  questions(wishes: readonly Wish[]): readonly Question[] {
    const asked = new Map(wishes.flatMap((wish) => this.#asks(wish)));
    return [...asked.values()];
  }

  /** @param tally of the question, as the database has counted it */
  know(question: Question, tally: Tally): void {
    this.#tallies.set(nameOf(question), tally);
  }

  /** The limit that stands against a send; null lets it through and counts it. */
  admit(wish: Wish): LimitName | null {
    const asked = this.#asks(wish);
    const refusal = asked.find(([name, { rule }]) => rule.refuses(this.#tally(name)));
    if (refusal) return refusal[1].rule.name;
    for (const [name] of asked) {
      const { sends, unconfirmed } = this.#tally(name);
      this.#tallies.set(name, { sends: sends + 1, unconfirmed: unconfirmed + 1 });
    }
    return null;
  }

  /** The prefixes and countries that nothing more is let through to, where a request would not see it by itself. */
  closed(wishes: readonly Wish[]): readonly (Question & { readonly tally: Tally; readonly wish: Wish })[] {
    const found = wishes.flatMap((wish) =>
      this.#asks(wish).map(([name, question]) => [name, { ...question, wish, tally: this.#tally(name) }] as const),
    );
    return [...new Map(found).values()].filter(({ rule, tally }) => {
      const sticks = rule.guard || ((rule.scope === 'prefix' || rule.scope === 'country') && rule.max > EARLY_MAX);
      return sticks && rule.refuses(tally);
    });
  }

  #asks({ client, keys }: Wish): (readonly [string, Question])[] {
    return this.rules.flatMap((rule) => {
      const under = rule.scope === 'country' ? (keys.country === null ? [] : [keys.country]) : keys[rule.scope];
      if (under.length === 0) return [];
      const country = rule.scope === 'country' ? keys.country : null;
      const question = { rule, keys: country === null ? under : [], country, client: rule.own ? client : null };
      return [[nameOf(question), question] as const];
    });
  }

  #tally(name: string): Tally {
    return this.#tallies.get(name) ?? { sends: 0, unconfirmed: 0 };
  }
}

function nameOf({ rule, keys, country, client }: Question): string {
  return `${rule.no}/${country ?? keys[0] ?? ''}/${client ?? ''}`;
}

/** A question in the form that the statement takes. */
export function asked({ rule, keys, country, client }: Question, id: number): object {
  // Where it does not matter what was confirmed nothing beyond the limit need be counted.
  const most = rule.scope === 'country' || !rule.confirmations ? Math.max(rule.max, rule.guard ? SAMPLE : 0) : null;
  const { scope, secs, confirmations } = rule;
  return { id, scope, keys, country, client, secs, confirmations, most };
}
