import type { AgreementFacts } from '../agreement/index.js';
import type { Config } from '../config.js';

/** How a call of a provider ended; null: nobody knows, because its process died before it could say. */
export type TryOutcome = 'accepted' | 'refused' | 'try_later' | 'unknown' | 'not_tried' | null;

/** One call of a provider for one generation, and what the provider said of it later. */
export interface Try {
  readonly provider: string | null;
  readonly outcome: TryOutcome;
  readonly receipt: 'delivered' | 'undelivered' | null;
  /** Whether the provider wants it later than the code can wait: it is asked no more. */
  readonly tooLate?: boolean | null;
}

/** What decides who is asked for a send. */
export interface Chain {
  /** Names of gateways, in the order in which they are asked. */
  readonly route: readonly string[];
  /** Of this generation, the oldest first. */
  readonly tries: readonly Try[];
  /** Whether the provider drops a repeat of the same id; undefined where there is no such gateway here. */
  readonly deduplicates: (provider: string) => boolean | undefined;
}

/** Whose turn it is, or why it is nobody's any more. */
export type Turn =
  | {
      readonly kind: 'call';
      readonly provider: string;
      /** Whether it may have the text already, so that no other may get it. */
      readonly pinned: boolean;
    }
  | { readonly kind: 'end'; readonly reason: 'refused' | 'unknown' | 'expired' };

/** What follows a try that was not accepted. */
export type Step = Turn | { readonly kind: 'again'; readonly pinned: boolean };

/** The gateway of agreements that are only a test; it is always there. */
export const TEST_ROUTE = ['test'];

/** Calls of a provider that does not deduplicate which may have been taken: the first and one repeat. */
const CALLS_IN_DOUBT = 2;

/** Who is asked for texts to such a contact, in order. */
export function routeOf(
  { channel, country, test }: Pick<AgreementFacts['contact'], 'channel' | 'country'> & { readonly test: boolean },
  { sms, email }: Pick<Config, 'sms' | 'email'>,
): readonly string[] {
  if (test) return TEST_ROUTE;
  if (channel === 'email') return email.providers;
  return sms.routes.get(country ?? '*') ?? sms.routes.get('*') ?? [];
}

/** The first of the route that was not tried yet for this generation; null where all were. */
export function nextProvider(route: readonly string[], tries: readonly Try[]): string | null {
  return route.find((provider) => !wasCalled(provider, tries)) ?? null;
}

/** The other providers that the text could be given to, where it is nobody's yet: those not tried before, then who said "later". */
export function othersThan(provider: string, chain: Chain): string[] {
  return [...fresh(chain), ...postponed(chain)].filter((other) => other !== provider);
}

/** Whether this provider was called for this generation. */
export function wasCalled(provider: string, tries: readonly Try[]): boolean {
  return called(tries).some((past) => past.provider === provider);
}

/** The others by whom the same route may be served, whatever country a text is for. */
export function companionsOf(provider: string, { sms, email }: Pick<Config, 'sms' | 'email'>): string[] {
  const routes = [...sms.routes.values(), email.providers].filter((route) => route.some((name) => name === provider));
  return [...new Set<string>(routes.flat())].filter((other) => other !== provider);
}

/**
 * Who gets a text that its provider could not be given, without a word about when: another one after the second such
 * failure, or the first where the provider is in trouble or took long to fail. Null: the same one again.
 * @param chain with that failure as the last try
 */
export function handedTo(chain: Chain, isAvoided: (provider: string) => boolean, tookLong: boolean): string | null {
  const [last, before] = called(chain.tries).toReversed();
  if (last === undefined || last.provider === null) return null;
  const repeated = before?.provider === last.provider && before.outcome === 'try_later';
  if (!repeated && !tookLong && !isAvoided(last.provider)) return null;
  return othersThan(last.provider, chain).find((other) => !isAvoided(other)) ?? null;
}

/**
 * Whose turn it is, of what is known when a send is claimed.
 * @param noted whose turn it was to be when the last try was over (`send.provider`); null where nobody has said
 */
export function turnOf(chain: Chain, noted: string | null): Turn {
  const { tries, deduplicates } = chain;
  const calls = called(tries);
  if (!mayGoOn(calls)) return { kind: 'end', reason: 'unknown' };
  const round = roundOf(calls);
  const doubt = inDoubt(round, deduplicates);
  if (doubt) return turnInDoubt(doubt, deduplicates);
  const [untried, later] = [fresh(chain), postponed(chain)];
  if (noted !== null && [...untried, ...later].includes(noted)) return call(noted);
  const [latest] = later;
  const next = latest !== undefined && latest === round.at(-1)?.provider ? latest : (untried[0] ?? latest);
  return next === undefined ? exhausted(calls) : call(next);
}

/**
 * What follows a try that was not accepted.
 * @param chain with that try as the last one
 * @param hasTime whether the wait until another try of the same provider leaves time to send
 */
export function stepAfter(chain: Chain, hasTime: boolean): Step {
  const turn = turnOf(chain, null);
  const last = chain.tries.at(-1);
  if (turn.kind === 'end' || turn.provider !== last?.provider) return turn;
  if (hasTime) return { kind: 'again', pinned: turn.pinned };
  const next = turn.pinned ? undefined : fresh(chain)[0];
  return next === undefined ? { kind: 'end', reason: 'expired' } : call(next);
}

/** After an acceptance nothing more, but one round after a receipt that says it was in vain; a repeat that the same provider takes too is none. */
function mayGoOn(calls: readonly Try[]): boolean {
  const accepted = calls.filter(({ outcome }) => outcome === 'accepted');
  if (accepted.length === 0) return true;
  const isOne = accepted.every(({ provider }) => provider === accepted[0]?.provider);
  const receipts = accepted.map(({ receipt }) => receipt);
  return isOne && receipts.includes('undelivered') && !receipts.includes('delivered');
}

/** The calls after the last acceptance. */
function roundOf(calls: readonly Try[]): Try[] {
  return calls.slice(calls.findLastIndex(({ outcome }) => outcome === 'accepted') + 1);
}

/** Those of the route that were not tried yet for this generation and can be asked here. */
function fresh({ route, tries, deduplicates }: Chain): string[] {
  return route.filter((provider) => !wasCalled(provider, tries) && deduplicates(provider) !== undefined);
}

/** Those whose last word in this round was "later", which can still come; the latest first. */
function postponed({ route, tries, deduplicates }: Chain): string[] {
  const last = new Map<string, Try>();
  for (const past of roundOf(called(tries)).toReversed()) {
    if (past.provider !== null && !last.has(past.provider)) last.set(past.provider, past);
  }
  const waits = [...last].filter(([, { outcome, tooLate }]) => outcome === 'try_later' && tooLate !== true);
  return waits.map(([provider]) => provider).filter((name) => route.includes(name) && deduplicates(name) !== undefined);
}

/** Those of the tries in which a provider may have been called. */
function called(tries: readonly Try[]): Try[] {
  return tries.filter(({ outcome }) => outcome !== 'not_tried');
}

interface Doubt {
  readonly provider: string | null;
  /** Calls that may have been taken. */
  readonly calls: number;
  readonly last: TryOutcome;
}

/** The provider that may have the text although it never said so. A refusal of the same id by one that would know says no. */
function inDoubt(round: readonly Try[], deduplicates: Chain['deduplicates']): Doubt | undefined {
  let doubt: Doubt | undefined;
  for (const { provider, outcome } of round) {
    const isUnknown = outcome === 'unknown' || outcome === null;
    if (isUnknown) doubt = { provider, calls: (doubt?.calls ?? 0) + 1, last: outcome };
    else if (doubt?.provider === provider) {
      const resolved = outcome === 'refused' && provider !== null && deduplicates(provider) === true;
      doubt = resolved ? undefined : { ...doubt, last: outcome };
    }
  }
  return doubt;
}

/** The same provider again, or nobody. */
function turnInDoubt({ provider, calls, last }: Doubt, deduplicates: Chain['deduplicates']): Turn {
  const knows = provider === null ? undefined : deduplicates(provider);
  const spent = !knows && (calls >= CALLS_IN_DOUBT || last === 'refused');
  if (provider === null || knows === undefined || spent) return { kind: 'end', reason: 'unknown' };
  return { kind: 'call', provider, pinned: true };
}

/** Nobody is left to be asked. */
function exhausted(calls: readonly Try[]): Turn {
  const last = new Map(calls.map(({ provider, outcome }) => [provider, outcome]));
  const refused = [...last.values()].every((outcome) => outcome === 'refused' || outcome === 'accepted');
  return { kind: 'end', reason: refused ? 'refused' : 'expired' };
}

function call(provider: string): Turn {
  return { kind: 'call', provider, pinned: false };
}
