import { CREATE_FIGURES, CreateServer } from '../create-server.js';
import { guessedAt, PendingAgreements } from '../pending-agreements.js';
import { figuresOf, type MeasuredArm, measureRounds, type Plan, ratiosOf, type Rounds, valuesOf } from '../rounds.js';
import { spreadOf } from '../statistics.js';
import { compared, TARGETS } from '../targets.js';
import type { Bench, Chart, Result, Workload } from '../workload.js';
import { CASES } from './confirm/cases.js';
import { GUESS_FIGURES, Guessing } from './confirm/guessing.js';
import { BetterAuth } from './identity/better-auth.js';

const CONNECTIONS = 32;
const SECONDS = 2;
const MANY = 100_000;
const OURS = 'ours';
/** Seconds. */
const PLAN: Plan = { rounds: 5, budget: 90 };
const PLAN_OF_MANY: Plan = { rounds: 5, budget: 150 };

interface Measured {
  readonly creates: Rounds;
  readonly guesses: Rounds;
  readonly among: Rounds;
}

/** Creates and confirms beside those of a server that is used for this. */
export const identity: Workload = {
  name: 'identity',
  title: "Creates and confirms beside better-auth's send-otp and verify",
  quick: false,
  run: async (bench) => resultOf(await measure(bench)),
};

async function measure(bench: Bench): Promise<Measured> {
  await using ends = new AsyncDisposableStack();
  const ours = ends.adopt(await CreateServer.start(bench, guessedAt('ours-beside-better-auth')), (it) => it.stop());
  const pending = ends.adopt(await PendingAgreements.record(ours.databaseUrl), (it) => it.end());
  const other = await BetterAuth.start(bench, ends);
  bench.tell(`create, ${CONNECTIONS} connections`);
  await ours.warmUp();
  const creates = [{ ...ours.measuring(CONNECTIONS, SECONDS), name: OURS }, other.sending(SECONDS)];
  const measured = await measureRounds(bench, creates, PLAN);
  const guesses = async (waiting: number, plan: Plan): Promise<Rounds> => {
    bench.tell(`confirm, ${CONNECTIONS} connections, ${waiting} codes waiting`);
    const guessing = new Guessing(
      bench,
      { name: OURS, server: ours.server, pending, hashOf: undefined },
      CASES.right,
      waiting,
    );
    await guessing.warmUp(waiting > 0);
    const others: MeasuredArm[] = [other.verifying(SECONDS, waiting, true), other.verifying(SECONDS, waiting, false)];
    return measureRounds(bench, [guessing, ...others], plan);
  };
  return { creates: measured, guesses: await guesses(0, PLAN), among: await guesses(MANY, PLAN_OF_MANY) };
}

function resultOf({ creates, guesses, among }: Measured): Result {
  const all = [creates, guesses, among];
  const sum = (of: 'kept' | 'dropped'): number => all.reduce((total, rounds) => total + rounds[of].length, 0);
  const few = `${CONNECTIONS} connections`;
  const many = `${few}, 10⁵ codes waiting`;
  const ratio = (rounds: Rounds, under: string): number[] => ratiosOf(rounds, OURS, under, 'perSecond');
  const withoutSession = {
    ...TARGETS.verifyToBetterAuth,
    name: 'confirm ÷ better-auth verify without a session',
    stretch: null,
  };
  return {
    rounds: { kept: sum('kept'), dropped: sum('dropped') },
    noisy: all.some(({ noisy }) => noisy),
    figures: [
      ...figuresOf(creates, CREATE_FIGURES, few),
      ...figuresOf(guesses, GUESS_FIGURES, few),
      ...figuresOf(among, GUESS_FIGURES, many),
    ],
    comparisons: [
      compared(TARGETS.createToBetterAuth, ratio(creates, 'better-auth'), few),
      compared(TARGETS.verifyToBetterAuth, ratio(guesses, 'better-auth'), few),
      compared(withoutSession, ratio(guesses, 'better-auth-no-session'), few),
      compared(TARGETS.verifyToBetterAuth, ratio(among, 'better-auth'), many),
    ],
    charts: [chartOf({ creates, guesses, among })],
    notes: [
      'better-auth with its defaults on node:http and pg (10 connections, as ours): codes of 6 digits that live 300 s, 3 attempts; ' +
        'its rate limit (10 requests a minute) and telemetry off, sending does nothing, and neither is a line logged.',
      'Its verify makes a user, as it must where the number is new, and a session; ours writes history and an event, and its ' +
        'create besides all that checks an API key and every limit. They are not the same work, but what somebody has who uses them.',
      'Its codes lie in the table readable, without an index on what they are looked up by, which is why 10⁵ of them count.',
      'After each pass: answers 200 = codes stored, or used up = users = sessions; ours as in confirm.',
    ],
  };
}

function chartOf({ creates, guesses, among }: Measured): Chart {
  const columns = [creates, guesses, among];
  const medianOf = (rounds: Rounds, arm: string): number | null => {
    const values = valuesOf(rounds, arm, 'perSecond');
    return values.length === 0 ? null : spreadOf(values).median;
  };
  return {
    ...{
      file: 'identity',
      title: 'Beside better-auth, 32 connections',
      kind: 'bars',
      unit: 'per second',
      logarithmic: true,
    },
    categories: ['create / send-otp', 'confirm / verify', 'with 10⁵ codes waiting'],
    series: [OURS, 'better-auth', 'better-auth-no-session'].map((name) => ({
      name,
      values: columns.map((rounds) => medianOf(rounds, name)),
    })),
  };
}
