import type { Try } from './provider-chain.js';
import type { Receipt, UndeliveredReason } from './sms/sms-gateway.js';

/** A try that a receipt may speak of, with how its send stands. */
export interface Candidate {
  /** Which of the receipt's ids names it, the likeliest being the first. */
  readonly n: number;
  readonly reference: string;
  readonly generation: number;
  readonly try: number;
  readonly receipt: 'delivered' | 'undelivered' | null;
  /** Seconds since the provider was called. */
  readonly age: number;
  readonly state: 'queued' | 'sent' | 'delivered' | 'undelivered' | 'failed';
  /** Whether a further text with the same code would be of use: newest, pending, and two minutes of it are left. */
  readonly reachable: boolean;
  /** All of its generation, in their order. */
  readonly tries: readonly (Try & { readonly try: number })[];
}

/** What a receipt changes. */
export type Verdict =
  /** Nothing: it was known. */
  | { readonly kind: 'known' }
  /** What is known of the try alone: its send has news of another try, or better ones. */
  | { readonly kind: 'noted' }
  /** The send; it goes out again where `next` names a provider. */
  | { readonly kind: 'settled'; readonly state: Receipt['state']; readonly next: string | null };

/**
 * The try that a receipt speaks of, of those that it may speak of, in their order; undefined where it cannot be told. Two
 * tries of one send are one text, which the provider has had twice. Two texts under one id are two people, and none is
 * taken, unless the receipt names the person: then the provider counts from the beginning again, and it is the newest of
 * them whose end is not known yet, else the newest.
 * @param named whether the receipt names a recipient; the candidates are then texts to that one
 */
export function spokenOf<C extends Candidate>(candidates: readonly C[], named: boolean): C | undefined {
  const alike = candidates.filter(({ n }) => n === candidates[0]?.n);
  const texts = alike.filter((one) => !alike.some((other) => isSameText(one, other) && other.try > one.try));
  if (texts.length > 1 && !named) return undefined;
  const byAge = texts.toSorted((a, b) => a.age - b.age);
  return byAge.find(({ receipt }) => receipt === null) ?? byAge[0];
}

function isSameText(one: Candidate, other: Candidate): boolean {
  return one.reference === other.reference && one.generation === other.generation;
}

/**
 * What a receipt changes. Delivered is the last word, in whatever order they come. Undelivered is the send's only where
 * it speaks of the newest acceptance; then the same code goes out again, once, where that is of use.
 * @param next the provider after those that were tried; null where there is none
 */
export function verdictOf(candidate: Candidate, state: Receipt['state'], next: () => string | null): Verdict {
  const { receipt, tries } = candidate;
  if (receipt === 'delivered' || receipt === state) return { kind: 'known' };
  if (candidate.state === 'delivered') return { kind: 'noted' };
  if (state === 'delivered') return { kind: 'settled', state, next: null };
  const accepted = tries.filter(({ outcome }) => outcome === 'accepted');
  if (candidate.state !== 'sent' || accepted.at(-1)?.try !== candidate.try) return { kind: 'noted' };
  const isOne = new Set(accepted.map(({ provider }) => provider)).size === 1;
  return { kind: 'settled', state, next: candidate.reachable && isOne ? next() : null };
}

/** The word for why a text did not arrive; a delivered one has none. */
export function reasonOf({ state, reason }: Pick<Receipt, 'state' | 'reason'>): UndeliveredReason | null {
  return state === 'delivered' ? null : (reason ?? 'other');
}
