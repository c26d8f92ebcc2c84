import fc from 'fast-check';
import type { Answer } from '../support/api.js';
import { type Attack, kindOf, othersThan, unless } from './answers.js';
import type { Deployment } from './deployment.js';

const ATTEMPTS = 3;
const MAX_FAILURES = 6;
const STORIES = 25;

/** What is asked of one of the replicas: a wrong code, or another one. */
interface Step {
  readonly ask: 'guess' | 'resend';
  readonly replica: number;
}

/** What is asked at the same time, and whether the code that it brings is waited for. */
interface Wave {
  readonly steps: readonly Step[];
  readonly awaited: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  ask: fc.constantFrom('guess', 'guess', 'guess', 'resend'),
  replica: fc.nat(1),
});
const wave: fc.Arbitrary<Wave> = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 12, size: 'max' }),
  awaited: fc.boolean(),
});
const story = fc.array(wave, { minLength: 2, maxLength: 7, size: 'max' });

/**
 * Guesses and resends in any order and at once, at both replicas: never more than 3 guesses of a code and 6 of an
 * agreement are compared, and every answer says exactly what is left. Wants resends without an interval.
 */
export const guessBudget: Attack = async (deployment) => {
  const seen = { failures: 0, codes: 0 };
  const property = fc.asyncProperty(story, async (waves) => {
    const { reference, phone, code } = await deployment.agreement();
    const answers = await played(deployment, reference, code, waves);
    const failures = await failuresOf(deployment, reference);
    seen.failures += failures.length;
    seen.codes += deployment.provider.to(phone).length;
    const holes = [...misjudged(answers, failures), ...(await mistold(deployment, reference, answers, failures))];
    if (holes.length > 0) throw new Error(holes.join('; '));
  });
  const options = { numRuns: STORIES, endOnFailure: true };
  const { failed, seed, counterexample, errorInstance } = await fc.check(property, options);
  if (failed) return [`${String(errorInstance)}; seed ${seed}: ${JSON.stringify(counterexample)}`];
  const { failures, codes } = seen;
  const enough = failures > 2 * STORIES && codes > 1.5 * STORIES;
  return unless(enough, `only ${failures} guesses and ${codes} codes in ${STORIES} stories: too little was attacked`);
};

/** The answers to all guesses. Each guess is another one, and none is right: the first code is the only one excluded. */
async function played(
  deployment: Deployment,
  reference: string,
  code: string,
  waves: readonly Wave[],
): Promise<Answer[]> {
  const answers: Answer[] = [];
  let guess = Number(code);
  const next = (): string => String((guess = (guess + 1) % 10 ** code.length)).padStart(code.length, '0');
  for (const { steps, awaited } of waves) {
    const asked = steps.map(async ({ ask, replica }) => {
      if (ask === 'guess') return void answers.push(await deployment.at(replica).confirm(reference, next()));
      await deployment.at(replica).post(`/v1/agreement/${reference}/resend`);
    });
    await Promise.all(asked);
    if (awaited) await nothingIsQueued(deployment, reference);
  }
  return answers;
}

async function nothingIsQueued(deployment: Deployment, reference: string): Promise<void> {
  const { body } = await deployment.at(0).get(`/v1/agreement/${reference}`);
  if (body['status'] === 'pending') await deployment.at(0).until(reference, { delivery: 'sent' });
}

/** By generation, in the order in which they were counted. */
async function failuresOf(deployment: Deployment, reference: string): Promise<number[]> {
  const rows = await deployment.database.query<{ generation: number }>(
    `SELECT (detail->>'generation')::int AS generation FROM history
     WHERE reference = $1 AND kind = 'code_mismatched' ORDER BY seq`,
    [reference],
  );
  return rows.map(({ generation }) => generation);
}

function misjudged(answers: readonly Answer[], failures: readonly number[]): string[] {
  const evaluated = answers.filter((answer) => kindOf(answer) === '422 code_invalid').length;
  const most = Math.max(0, ...failures.map((generation) => failures.filter((other) => other === generation).length));
  return [
    ...unless(evaluated <= MAX_FAILURES, `${evaluated} guesses of one agreement were evaluated`),
    ...unless(most <= ATTEMPTS, `${most} guesses of one code were counted`),
    ...unless(evaluated === failures.length, `${evaluated} guesses were evaluated and ${failures.length} counted`),
    ...othersThan(['422 code_invalid', '409 attempts_exhausted', '409 agreement_closed'], answers),
  ];
}

/** The rule told again: what is left after each failure is the lesser of the code's and the agreement's. */
async function mistold(
  deployment: Deployment,
  reference: string,
  answers: readonly Answer[],
  failures: readonly number[],
): Promise<string[]> {
  const left = failures.map((generation, index) => {
    const ofCode = failures.slice(0, index + 1).filter((other) => other === generation).length;
    return Math.min(ATTEMPTS - ofCode, MAX_FAILURES - index - 1);
  });
  const told = answers.flatMap(({ body }) => (body['code'] === 'code_invalid' ? [Number(body['attempts_left'])] : []));
  const { body } = await deployment.at(1).get(`/v1/agreement/${reference}`);
  const status = failures.length < MAX_FAILURES ? 'pending' : 'rejected';
  const sorted = (numbers: readonly number[]): string => [...numbers].sort().join();
  return [
    ...unless(sorted(told) === sorted(left), `the guesses were told ${sorted(told)} left and not ${sorted(left)}`),
    ...unless(body['status'] === status, `after ${failures.length} failures the agreement is ${body['status']}`),
  ];
}
