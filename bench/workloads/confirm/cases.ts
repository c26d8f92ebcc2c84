import type { ListedRequest } from '../../load.js';
import type { Guessable, Outcome } from '../../pending-agreements.js';

/** One way to guess. */
export interface GuessCase {
  readonly name: string;
  readonly connections: number;
  /** How many requests are made of each agreement. */
  readonly each: number;
  /** Whether an unmeasured pass goes before, of which the measured one is the repetition. */
  readonly again: boolean;
  /** What each connection sends. */
  lists(agreements: readonly Guessable[]): ListedRequest[][];
  /** Whether the answers to all passes and the rows are what they must be. */
  holds(answers: Answers, outcome: Outcome): boolean;
}

/** How many requests got each status: of the pass before, and of the one that was measured. */
export interface Answers {
  readonly requests: number;
  readonly before: Readonly<Record<string, number>>;
  readonly measured: Readonly<Record<string, number>>;
}

const ATTEMPTS = 3;
const MANY = 32;

const right = (connections: number): GuessCase => ({
  name: 'right codes',
  ...{ connections, each: 1, again: false },
  lists: (agreements) => shared(agreements, connections, (agreement) => [guess(agreement, true)]),
  holds: ({ requests, measured }, outcome) => measured['200'] === requests && confirmedOnly(requests, outcome),
});

/** Only the statuses that a case can have; each of them with its rows. */
export const CASES = {
  right: right(MANY),
  rightAlone: right(1),
  /** All the wrong guesses that a code bears, one after the other. */
  wrong: {
    name: 'wrong codes',
    ...{ connections: MANY, each: ATTEMPTS, again: false },
    lists: (agreements) =>
      shared(agreements, MANY, (agreement) => Array.from({ length: ATTEMPTS }, () => guess(agreement, false))),
    holds: ({ requests, measured }, { confirmed, events, failures, historyFailures }) =>
      measured['422'] === requests && confirmed + events === 0 && failures === requests && historyFailures === requests,
  },
  /** A code works once: the same one again is refused, and nothing is written. */
  replay: {
    name: 'used codes',
    ...{ connections: MANY, each: 1, again: true },
    lists: (agreements) => shared(agreements, MANY, (agreement) => [guess(agreement, true)]),
    holds: ({ requests, before, measured }, outcome) =>
      before['200'] === requests && measured['409'] === requests && confirmedOnly(requests, outcome),
  },
  /** The whole request again, with its Idempotency-Key: the same answer, and nothing is written. */
  keyed: {
    name: 'repeated requests',
    ...{ connections: MANY, each: 1, again: true },
    lists: (agreements) =>
      shared(agreements, MANY, (agreement) => [
        { ...guess(agreement, true), headers: { 'idempotency-key': agreement.reference } },
      ]),
    holds: ({ requests, before, measured }, outcome) =>
      before['200'] === requests && measured['200'] === requests && confirmedOnly(requests, outcome),
  },
  /** Every connection guesses at the same agreement at about the same time, and then at the next one; one of them is right. */
  contended: {
    name: 'contended codes',
    ...{ connections: MANY, each: MANY, again: false },
    lists: (agreements) =>
      Array.from({ length: MANY }, (_, connection) =>
        agreements.map((agreement, n) => guess(agreement, n % MANY === connection)),
      ),
    holds: ({ requests, measured }, { confirmed, events, failures, historyFailures, mostFailures }) => {
      const { 200: taken = 0, 422: missed = 0, 409: late = 0 } = measured;
      const counted = confirmed === taken && events === taken && failures === missed && historyFailures === missed;
      return counted && taken + missed + late === requests && mostFailures <= ATTEMPTS;
    },
  },
} satisfies Record<string, GuessCase>;

function confirmedOnly(requests: number, { confirmed, historyConfirmed, events, failures }: Outcome): boolean {
  return confirmed === requests && historyConfirmed === requests && events === requests && failures === 0;
}

function guess({ reference, code }: Guessable, isRight: boolean): ListedRequest {
  // Another last digit.
  const wrong = code.slice(0, -1) + String((Number(code.at(-1)) + 1) % 10);
  return { path: `/v1/agreement/${reference}`, body: JSON.stringify({ code: isRight ? code : wrong }) };
}

/** Shares agreements out to connections, in turn, so that they are met in about the order in which they were made. */
function shared(
  agreements: readonly Guessable[],
  connections: number,
  requests: (agreement: Guessable) => ListedRequest[],
): ListedRequest[][] {
  return Array.from({ length: connections }, (_, connection) =>
    agreements.filter((_agreement, n) => n % connections === connection).flatMap(requests),
  );
}
