import { codeIn } from '../support/api.js';
import type { Asked } from './load.js';
import type { IdentifiedText, Told } from './provider.js';
import type { Published } from './topic.js';

/** An agreement as the database has it in the end. */
export interface Stored {
  readonly reference: string;
  readonly contact: string;
  readonly status: string;
  readonly sequence: number;
  readonly generation: number;
}

/** A send as the database has it in the end. */
export interface StoredSend {
  readonly id: string;
  readonly reference: string;
  readonly generation: number;
  readonly state: string;
  readonly try: number;
  /** Whether the limits count it; false while it waits to be let through, null where they know nothing of it. */
  readonly counted: boolean | null;
}

/** A call of a provider as the database has it in the end. */
export interface StoredTry {
  readonly reference: string;
  readonly provider: string | null;
  readonly message_id: string | null;
  readonly receipt: string | null;
}

/** A time during which something was wrong; milliseconds of the monotonic clock. */
export interface FaultTime {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** All that there is to look at when everything has come to rest. */
export interface Evidence {
  readonly asked: readonly Asked[];
  readonly agreements: readonly Stored[];
  readonly sends: readonly StoredSend[];
  readonly tries: readonly StoredTry[];
  readonly published: readonly Published[];
  readonly deadLetters: readonly Published[];
  readonly texts: readonly IdentifiedText[];
  /** What the service has confirmed that it was told. */
  readonly told: readonly Told[];
  readonly faults: readonly FaultTime[];
  /** How many processes were started. */
  readonly processes: number;
  /** Those of them that ended although nobody had told them to. */
  readonly unexpectedEnds: readonly string[];
}

/** What was promised, how much of it was looked at, and where it was broken. */
export interface Verdict {
  readonly id: string;
  readonly promise: string;
  readonly checked: number;
  readonly violations: readonly string[];
}

/** What a fault leaves open comes again after the lease: a repeat may be that much later than the fault. */
const LEASE = 25_000;
const CONFIRMED = 'clients.agreement.AgreementConfirmed.v1';
const DELIVERED = 'clients.agreement.CodeDelivered.v1';

/** Looks at everything that is left after a run. @returns a verdict for each invariant */
export function check(evidence: Evidence): Verdict[] {
  return [
    led(evidence),
    committed(evidence),
    single(evidence),
    repeated(evidence),
    ended(evidence),
    told(evidence),
    ordered(evidence),
    kept(evidence),
    counted(evidence),
    heard(evidence),
  ];
}

function led({ asked, agreements, sends, texts }: Evidence): Verdict {
  const stored = new Map(agreements.map((row) => [row.reference, row]));
  const accepted = new Set(texts.flatMap(({ accepted: taken, to }) => (taken ? [to] : [])));
  const newest = new Map(sends.map((send) => [`${send.reference} ${send.generation}`, send.state]));
  const violations = asked.flatMap(({ reference, phone }) => {
    const row = stored.get(reference);
    if (!row) return [`${reference} was answered with 201 and is not there`];
    if (accepted.has(phone) || row.status !== 'pending') return [];
    const state = newest.get(`${reference} ${row.generation}`) ?? 'not queued';
    return state === 'failed' ? [] : [`${reference} was answered with 201, got no text, and its send is ${state}`];
  });
  return verdict('I1', 'every 201 leads to a text or to a visible end', asked.length, violations);
}

function committed({ agreements, sends, texts }: Evidence): Verdict {
  const contacts = new Map(agreements.map(({ reference, contact }) => [reference, contact]));
  const known = new Map(sends.map((send) => [send.id, send]));
  const violations = [...groupedBy(texts, ({ id }) => id)].flatMap(([id, same]) => {
    const send = known.get(id);
    if (!send) return [`text ${id} was sent and no send of it was ever committed`];
    const strangers = same.filter(({ to }) => to !== contacts.get(send.reference));
    if (strangers.length > 0) return [`text ${id} went to another number than the agreement's`];
    return same.length > send.try ? [`text ${id} was sent ${same.length} times on ${send.try} committed tries`] : [];
  });
  return verdict('I2', 'nothing is sent without a commit', texts.length, violations);
}

function single({ asked, sends, texts, published }: Evidence): Verdict {
  const owner = new Map(sends.map(({ id, reference, generation }) => [id, `${reference} ${generation}`]));
  const texted = [...groupedBy(texts, ({ id }) => owner.get(id) ?? id)].flatMap(([generation, same]) =>
    // Not the whole text: two releases may word it in two ways.
    new Set(same.map(({ id, text }) => `${id} ${codeIn(text)}`)).size > 1
      ? [`${generation} was sent with more than one code or id`]
      : [],
  );
  const twice = asked.filter(({ confirmations }) => confirmations > 1);
  const confirmed = groupedBy(
    new Map(published.filter(({ type }) => type === CONFIRMED).map((event) => [event.id, event])).values(),
    ({ reference }) => reference,
  );
  const events = [...confirmed].filter(([, same]) => same.length > 1);
  const violations = [
    ...texted,
    ...twice.map(({ reference, confirmations }) => `${reference} was confirmed ${confirmations} times by one code`),
    ...events.map(([reference, same]) => `${reference} has ${same.length} events of its confirmation`),
  ];
  return verdict('I3', 'one live code, and it works once', owner.size, violations);
}

function repeated({ texts, told, faults }: Evidence): Verdict {
  // Where a provider says that it could not deliver, the next one is asked: once.
  const undelivered = new Set(told.flatMap(({ to, state }) => (state === 'undelivered' ? [to] : [])));
  let repeats = 0;
  const violations = [...groupedBy(texts, ({ id }) => id)].flatMap(([id, same]) => {
    const accepted = same.filter((text) => text.accepted).map(({ at }) => at);
    const [first, last] = [Math.min(...accepted), Math.max(...accepted)];
    const extra = accepted.length - 1 - (undelivered.has(same[0]?.to ?? '') ? 1 : 0);
    if (extra <= 0) return [];
    repeats += extra;
    const causes = faults.filter(({ from, to }) => from <= last && to >= first - LEASE).length;
    return extra > causes ? [`text ${id} was accepted ${accepted.length} times, with ${causes} faults around it`] : [];
  });
  const promise = `a fault costs at most one repeat per send in flight (${repeats} repeats, ${faults.length} faults)`;
  return verdict('I4', promise, texts.length, violations);
}

function ended({ processes, unexpectedEnds }: Evidence): Verdict {
  return verdict('I5', 'a process ends only when told to', processes, unexpectedEnds);
}

function told({ agreements, published, deadLetters }: Evidence): Verdict {
  const numbers = numbersByReference(published);
  const incomplete = agreements.flatMap(({ reference, sequence }) => {
    const found = [...(numbers.get(reference) ?? [])].sort((a, b) => a - b);
    return found.join() === upTo(sequence).join() ? [] : [`of ${reference}: ${found.join() || 'none'} of ${sequence}`];
  });
  const known = new Set(agreements.map(({ reference }) => reference));
  const strange = [...numbers.keys()].filter((reference) => !known.has(reference));
  const violations = [
    ...incomplete,
    ...strange.map((reference) => `there is no ${reference}, and it has events`),
    ...deadLetters.map(({ reference, type }) => `${type} of ${reference} could not be handled`),
  ];
  return verdict('E1', 'every event is published and handled, and nothing else is', published.length, violations);
}

function ordered({ published }: Evidence): Verdict {
  const violations = [...numbersByReference(published)].flatMap(([reference, numbers]) => {
    const rising = numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0));
    return rising ? [] : [`the events of ${reference} came first as ${numbers.join()}`];
  });
  return verdict('E2', 'no event is first published before its predecessor', published.length, violations);
}

/** The events of each agreement as a receiver counts them that drops what it has seen. */
function numbersByReference(published: readonly Published[]): Map<string, number[]> {
  const events = groupedBy(published, ({ reference }) => reference);
  return new Map(
    [...events].map(([reference, all]) => [
      reference,
      [...new Map(all.map((event) => [event.id, event.sequence])).values()],
    ]),
  );
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

function kept({ asked, agreements }: Evidence): Verdict {
  const status = new Map(agreements.map((row) => [row.reference, row.status]));
  const violations = asked.flatMap(({ reference, confirmations, cancelled }) => {
    const expected = confirmations > 0 ? 'confirmed' : cancelled ? 'cancelled' : undefined;
    const found = status.get(reference);
    return expected && found !== expected ? [`${reference} was answered as ${expected} and is ${found ?? 'gone'}`] : [];
  });
  return verdict('E3', 'what was answered stays so', asked.length, violations);
}

function counted({ sends, texts }: Evidence): Verdict {
  const called = new Set(texts.map(({ id }) => id));
  const violations = sends.flatMap(({ id, reference, generation, state, counted: found }) => {
    if (called.has(id)) return found ? [] : [`${reference} ${generation} was sent and does not count`];
    return found === false && state !== 'queued' ? [`${reference} ${generation} is over and still waits to count`] : [];
  });
  return verdict(
    'L1',
    'the limits count all that was sent, and nothing that is over waits there',
    called.size,
    violations,
  );
}

/** A receipt may come before the answer and after a crash, twice and in any order: 'delivered' stands in the end. */
function heard({ told, tries, agreements, published }: Evidence): Verdict {
  const tried = groupedBy(tries, (row) => `${row.provider} ${row.message_id}`);
  const said = [...groupedBy(told, ({ provider, messageId }) => `${provider} ${messageId}`)].flatMap(
    ([message, all]) => {
      const found = tried.get(message)?.map(({ receipt }) => receipt);
      // Where its acceptance was never recorded nobody knows whose it is.
      const expected = all.some(({ state }) => state === 'delivered') ? 'delivered' : 'undelivered';
      return !found || found.includes(expected)
        ? []
        : [`${message} was ${expected}, and is ${found.join() || 'unheard of'}`];
    },
  );
  const delivered = tries.filter(({ receipt }) => receipt === 'delivered').map(({ reference }) => reference);
  const events = new Map(
    published.filter(({ type }) => type === DELIVERED).map((event) => [event.id, event.reference]),
  );
  const [texts, eventsOf] = [groupedBy(delivered, (of) => of), groupedBy(events.values(), (of) => of)];
  const wrong = agreements.flatMap(({ reference }) => {
    const [found, expected] = [eventsOf.get(reference)?.length ?? 0, texts.get(reference)?.length ?? 0];
    return found === expected ? [] : [`${reference} has ${found} events of ${expected} texts that were delivered`];
  });
  const promise = 'what a provider was confirmed that it said is known, and told once';
  return verdict('R1', promise, told.length, [...said, ...wrong]);
}

/** Where nothing was looked at, nothing is shown. */
function verdict(id: string, promise: string, checked: number, found: readonly string[]): Verdict {
  const violations = checked === 0 ? ['nothing was there to be looked at', ...found] : found;
  return { id, promise, checked, violations };
}

function groupedBy<T>(all: Iterable<T>, key: (one: T) => string): Map<string, T[]> {
  return Map.groupBy(all, key);
}
