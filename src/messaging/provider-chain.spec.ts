import { describe, expect, it } from '@jest/globals';
import { type Chain, nextProvider, stepAfter, type Try, turnOf } from './provider-chain.js';

/** How a call ends; `too_late`: the provider wants to be asked again when the code can no longer be sent. */
const ANSWERS = ['accepted', 'refused', 'try_later', 'too_late', 'unknown', 'interrupted'] as const;
type AnswerKind = (typeof ANSWERS)[number];
const RECEIPTS = ['delivered', 'undelivered'] as const;
type Event = AnswerKind | (typeof RECEIPTS)[number];

interface Call {
  readonly provider: string;
  readonly answer: AnswerKind;
  receipt: (typeof RECEIPTS)[number] | null;
}

/** Everything that happened to one send, and what came of it. */
interface Story {
  readonly calls: readonly Call[];
  /** Whose turn it is now; null where it is over. */
  readonly next: string | null;
  readonly reason: string | null;
}

interface World {
  readonly route: readonly string[];
  readonly keepsIds: ReadonlySet<string>;
}

const WORLDS: readonly World[] = [
  ['a', 'b'],
  ['a', 'b', 'c'],
].flatMap((route) =>
  Array.from({ length: 2 ** route.length }, (_, bits) => ({
    route,
    keepsIds: new Set(route.filter((__, index) => (bits >> index) & 1)),
  })),
);

/** Every sequence of up to four calls and receipts; a receipt only after an acceptance. */
function* sequences(length = 4): Generator<Event[]> {
  if (length === 0) return;
  for (const answer of ANSWERS) {
    yield [answer];
    for (const rest of sequences(length - 1)) yield [answer, ...rest];
    if (answer !== 'accepted' || length < 2) continue;
    for (const receipt of RECEIPTS) {
      yield [answer, receipt];
      for (const rest of sequences(length - 2)) yield [answer, receipt, ...rest];
    }
  }
}

/** Plays it with the code that decides in the service: at the claim, after an answer, and after a receipt. */
function play({ route, keepsIds }: World, events: readonly Event[]): Story {
  const calls: Call[] = [];
  const chain = (): Chain => ({ route, tries: calls.map(asTry), deduplicates: (name) => keepsIds.has(name) });
  let noted: string | null = route[0] ?? null;
  for (const event of events) {
    const last = calls.at(-1);
    if (event === 'delivered' || event === 'undelivered') {
      if (last) last.receipt = event;
      noted = nextProvider(route, chain().tries);
      continue;
    }
    const turn = turnOf(chain(), noted);
    if (turn.kind === 'end') return { calls, next: null, reason: turn.reason };
    calls.push({ provider: turn.provider, answer: event, receipt: null });
    noted = turn.provider;
    if (event === 'accepted' || event === 'interrupted') continue;
    const step = stepAfter(chain(), event !== 'too_late');
    if (step.kind === 'end') return { calls, next: null, reason: step.reason };
    if (step.kind === 'call') noted = step.provider;
  }
  const turn = turnOf(chain(), noted);
  return turn.kind === 'call'
    ? { calls, next: turn.provider, reason: null }
    : { calls, next: null, reason: turn.reason };
}

function asTry({ provider, answer, receipt }: Call): Try {
  const outcome = answer === 'interrupted' ? null : answer === 'too_late' ? 'try_later' : answer;
  return { provider, outcome, receipt, tooLate: answer === 'too_late' };
}

const leavesDoubt = ({ answer }: Call): boolean => answer === 'unknown' || answer === 'interrupted';

/** The rules once more, as a person would apply them who looks at the last call alone. @returns null: nobody */
function expectedNext({ route, keepsIds }: World, calls: readonly Call[]): string | null {
  const last = calls.at(-1);
  if (!last) return route[0] ?? null;
  const { provider } = last;
  const fresh = route.find((name) => calls.every((call) => call.provider !== name)) ?? null;
  // Who said "later" may be asked again when nobody new is left; the latest of them first.
  const round = calls.slice(calls.findLastIndex(isAccepted) + 1);
  const postponed = round.filter(
    (call, index) =>
      call.answer === 'try_later' && round.slice(index + 1).every((next) => next.provider !== call.provider),
  );
  const other = fresh ?? postponed.at(-1)?.provider ?? null;
  const doubts = calls.filter((call) => call.provider === provider && leavesDoubt(call)).length;
  switch (last.answer) {
    case 'accepted':
      return last.receipt === 'undelivered' && calls.filter(isAccepted).length === 1 ? fresh : null;
    case 'refused':
      return doubts > 0 && !keepsIds.has(provider) ? null : other;
    case 'try_later':
      return doubts > 1 && !keepsIds.has(provider) ? null : provider;
    case 'too_late':
      return doubts > 0 ? null : other;
    case 'unknown':
    case 'interrupted':
      return doubts > 1 && !keepsIds.has(provider) ? null : provider;
  }
}

function isAccepted({ answer }: Call): boolean {
  return answer === 'accepted';
}

/** What must never be, whatever the rules. */
function wrongs({ keepsIds }: World, calls: readonly Call[]): string[] {
  return calls.flatMap((call, index) => {
    const before = calls.slice(0, index);
    const same = before.filter(({ provider }) => provider === call.provider);
    const mayHaveIt = before.filter((past) => leavesDoubt(past) && past.provider !== call.provider);
    const sure = ({ provider }: Call): boolean =>
      before.some(
        (past) =>
          past.provider === provider && (isAccepted(past) || (past.answer === 'refused' && keepsIds.has(provider))),
      );
    const accepted = before.filter(isAccepted);
    return [
      ...(same.some(({ answer }) => answer === 'refused') ? ['a refusal is retried'] : []),
      ...(same.some(({ answer }) => answer === 'too_late') ? ['sent late'] : []),
      ...(mayHaveIt.every(sure) ? [] : ['blind failover']),
      ...(!keepsIds.has(call.provider) && same.filter(leavesDoubt).length > 1 ? ['repeated more than once'] : []),
      ...(accepted.some(({ receipt }) => receipt !== 'undelivered') ? ['sent after an acceptance'] : []),
      ...(accepted.length > 1 || same.some(isAccepted) ? ['a second time after a receipt'] : []),
    ];
  });
}

const every = WORLDS.flatMap((world) => [...sequences()].map((events) => ({ world, events })));
const told = ({ world, events }: (typeof every)[number]): string =>
  `${world.route.map((name) => (world.keepsIds.has(name) ? name.toUpperCase() : name)).join('')}: ${events.join(' ')}`;

describe('every sequence of up to four outcomes over two and three providers, keeping ids or not', () => {
  it('is thousands of them, and each outcome and receipt is in some', () => {
    expect(every.length).toBeGreaterThan(10_000);
    expect(new Set(every.flatMap(({ events }) => events))).toEqual(new Set([...ANSWERS, ...RECEIPTS]));
  });

  it('asks whom the model asks, at every step', () => {
    const differences = every.flatMap((one) => {
      const { calls, next } = play(one.world, one.events);
      const asked = calls.map(({ provider }) => provider);
      const expected = calls.map((_, index) => expectedNext(one.world, calls.slice(0, index)));
      const then = expectedNext(one.world, calls);
      return [...asked, next].join() === [...expected, then].join()
        ? []
        : [`${told(one)}: asks ${[...asked, next ?? 'nobody'].join()}, not ${[...expected, then ?? 'nobody'].join()}`];
    });
    expect(differences.slice(0, 5)).toEqual([]);
  });

  it('retries no refusal, fails over blindly nowhere, sends nothing late and nothing after an acceptance', () => {
    const found = every.flatMap((one) =>
      wrongs(one.world, play(one.world, one.events).calls).map((wrong) => `${told(one)}: ${wrong}`),
    );
    expect(found.slice(0, 5)).toEqual([]);
  });

  it('ends as refused where all have refused, as unknown where somebody may have the text, else as expired', () => {
    const ended = every.map((one) => ({ ...play(one.world, one.events), one }));
    const differences = ended.flatMap(({ calls, next, reason, one }) => {
      if (next !== null || calls.some(isAccepted)) return [];
      const last = calls.at(-1);
      const waited = last?.answer === 'too_late';
      const spent = calls.some((call) => leavesDoubt(call) && !one.world.keepsIds.has(call.provider));
      const final = one.world.route.map((name) => calls.findLast(({ provider }) => provider === name)?.answer);
      const refused = final.every((answer) => answer === 'refused');
      const expected = waited ? 'expired' : spent ? 'unknown' : refused ? 'refused' : 'expired';
      return reason === expected ? [] : [`${told(one)}: ${reason ?? 'nothing'}, not ${expected}`];
    });
    expect(differences.slice(0, 5)).toEqual([]);
    expect(new Set(ended.map(({ reason }) => reason))).toEqual(new Set([null, 'refused', 'unknown', 'expired']));
  });
});
