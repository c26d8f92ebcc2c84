import { otherThan, type SentAgreement } from '../support/api.js';
import { historyOf, raisedBy } from '../support/raised-events.js';
import { type Attack, counted, kindOf, othersThan, storm, unless, warmUp } from './answers.js';
import type { Deployment } from './deployment.js';

const GUESSES = 200;
const PER_CODE = 3;
const EVALUATED = ['422 code_invalid', '200 confirmed'];
const UNKNOWN = '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50';

/** Codes that follow each other, beginning with the right one. */
function codesFrom(code: string, count: number): string[] {
  const following = (index: number): number => (Number(code) + index) % 10 ** code.length;
  return Array.from({ length: count }, (_, index) => String(following(index)).padStart(code.length, '0'));
}

/** 200 guesses at once on warm connections, all different, the right one among them or not: at most 3 are compared. */
export const parallelGuesses: Attack = async (deployment) => {
  await warmUp(deployment, GUESSES / 2);
  const holes: string[] = [];
  for (const withRight of [true, false, true]) {
    const { reference, code } = await deployment.agreement();
    const guesses = codesFrom(code, GUESSES + 1).slice(withRight ? 0 : 1);
    const answers = await storm(GUESSES, (index) =>
      deployment.at(index).confirm(reference, guesses[(index * 7) % GUESSES] ?? ''),
    );
    const kinds = counted(answers);
    const evaluated = EVALUATED.reduce((sum, kind) => sum + (kinds[kind] ?? 0), 0);
    const noted = (await historyOf(deployment.database, reference)).filter(
      (kind) => kind === 'code_mismatched' || kind === 'confirmed',
    );
    holes.push(
      ...unless(evaluated > 0, 'no guess was evaluated: nothing was attacked'),
      ...unless(evaluated <= PER_CODE, `${evaluated} of ${GUESSES} parallel guesses were evaluated`),
      ...unless(evaluated === noted.length, `${evaluated} guesses were evaluated and ${noted.length} counted`),
      ...unless((kinds['200 confirmed'] ?? 0) <= 1, `one code confirmed ${kinds['200 confirmed']} times`),
      ...othersThan([...EVALUATED, '409 attempts_exhausted', '409 already_confirmed'], answers),
    );
  }
  return holes;
};

/** Wrong, wrong, resend, wrong …: the budget is told and kept exactly, and no resend gives any of it back. */
export const guessesOverResends: Attack = async (deployment) => {
  const agreement = await deployment.agreement();
  const { reference } = agreement;
  const told: string[] = [];
  const guess = async (code: string, replica: number): Promise<void> => {
    const answer = await deployment.at(replica).confirm(reference, code);
    const { attempts_left: left, agreement_status: status } = answer.body;
    told.push(
      [kindOf(answer), ...(left === undefined ? [] : [left]), ...(status === undefined ? [] : [status])].join(),
    );
  };
  for (const replica of [0, 1]) await guess(otherThan(agreement.code), replica);
  const second = await deployment.nextCode(agreement);
  for (const replica of [1, 0, 0]) await guess(otherThan(second), replica);
  await guess(second, 1);
  const third = await deployment.nextCode(agreement);
  await guess(otherThan(third), 0);
  for (const replica of [0, 1]) await guess(third, replica);
  const wrong = (left: number, status = 'pending'): string => `422 code_invalid,${left},${status}`;
  const expected = [
    ...[wrong(2), wrong(1), wrong(2), wrong(1), wrong(0), '409 attempts_exhausted', wrong(0, 'rejected')],
    ...['409 agreement_closed,rejected', '409 agreement_closed,rejected'],
  ];
  const failures = (await historyOf(deployment.database, reference)).filter((kind) => kind === 'code_mismatched');
  return [
    ...unless(told.join('; ') === expected.join('; '), `the guesses were answered ${told.join('; ')}`),
    ...unless(failures.length === 6, `${failures.length} failures were counted`),
  ];
};

/** 50 right codes at once: one transition, one event; the others are told that it is done. */
export const parallelRightCodes: Attack = async (deployment) => {
  await warmUp(deployment, 50);
  const holes: string[] = [];
  for (const _ of [1, 2, 3]) {
    const { reference, code } = await deployment.agreement();
    const answers = await storm(50, (index) => deployment.at(index).confirm(reference, code));
    const { '200 confirmed': confirmed = 0, '409 already_confirmed': later = 0 } = counted(answers);
    const events = (await raisedBy(deployment.database, reference)).filter(({ type }) => type === 'AgreementConfirmed');
    const noted = (await historyOf(deployment.database, reference)).filter((kind) => kind === 'confirmed');
    holes.push(
      ...unless(confirmed === 1, `of 50 right codes ${confirmed} confirmed`),
      ...unless(confirmed + later === 50, `50 right codes were answered ${JSON.stringify(counted(answers))}`),
      ...unless(events.length === 1, `AgreementConfirmed was raised ${events.length} times`),
      ...unless(noted.length === 1, `the history says confirmed ${noted.length} times`),
    );
  }
  return holes;
};

/** Codes where they do not belong: at another agreement, after a resend, before any was issued, after the end. */
export const misplacedCodes: Attack = async (deployment) => {
  const parts = [codeOfAnother, oldCode, beforeIssuing, unknownReferences, afterTheEnd];
  return (await Promise.all(parts.map((part) => part(deployment)))).flat();
};

const codeOfAnother: Attack = async (deployment) => {
  const own = await deployment.agreement();
  // The same phone, person, document and client: only the reference differs.
  const other = await deployment.agreement({ phone: own.phone });
  const answer = await deployment.at(0).confirm(own.reference, other.code);
  return [
    ...unless(kindOf(answer) === '422 code_invalid', `the code of another agreement was answered ${kindOf(answer)}`),
    ...(await untouched(deployment, other, 'whose code was tried elsewhere')),
    ...unless((await deployment.at(1).confirm(own.reference, own.code)).status === 200, 'its own code did not work'),
  ];
};

const oldCode: Attack = async (deployment) => {
  const agreement = await deployment.agreement();
  const code = await deployment.nextCode(agreement);
  const old = kindOf(await deployment.at(0).confirm(agreement.reference, agreement.code));
  return [
    ...unless(old === '422 code_invalid', `the old code was answered ${old} after a resend`),
    ...unless((await deployment.at(1).confirm(agreement.reference, code)).status === 200, 'the new code did not work'),
  ];
};

const beforeIssuing: Attack = async (deployment) => {
  deployment.worker.signal('SIGSTOP');
  try {
    const { body } = await deployment.at(0).create();
    const reference = String(body['reference']);
    const kinds = await Promise.all(
      ['000000', '123456'].map(async (code, replica) => kindOf(await deployment.at(replica).confirm(reference, code))),
    );
    const { body: now } = await deployment.at(0).get(`/v1/agreement/${reference}`);
    return [
      ...unless(
        kinds.every((kind) => kind === '409 code_not_sent_yet'),
        `guesses before any code were answered ${kinds.join()}`,
      ),
      ...unless(now['attempts_left'] === PER_CODE, `${now['attempts_left']} attempts were left before any code`),
    ];
  } finally {
    deployment.worker.signal('SIGCONT');
  }
};

const unknownReferences: Attack = async (deployment) => {
  const { code } = await deployment.agreement();
  const tried = [UNKNOWN, '1', '%00', "'--", `${UNKNOWN}0`, 'null', '..%2f..'];
  const answers = await storm(tried.length, (index) => deployment.at(index).confirm(tried[index] ?? '', code));
  return othersThan(['404 agreement_not_found'], answers).map((hole) => `an unknown reference: ${hole}`);
};

const afterTheEnd: Attack = async (deployment) => {
  const holes: string[] = [];
  for (const [how, expected] of [
    ['cancel', '409 agreement_closed'],
    ['withdraw', '409 agreement_closed'],
    ['confirm', '409 already_confirmed'],
  ] as const) {
    const { reference, code } = await deployment.agreement();
    if (how !== 'cancel') await deployment.at(0).confirm(reference, code);
    if (how !== 'confirm') await deployment.at(1).post(`/v1/agreement/${reference}/${how}`);
    for (const guess of [code, otherThan(code)]) {
      const kind = kindOf(await deployment.at(0).confirm(reference, guess));
      holes.push(...unless(kind === expected, `a code was answered ${kind} after ${how}`));
    }
  }
  return holes;
};

/** The holes where an agreement that should not have noticed anything has. */
export async function untouched(
  deployment: Deployment,
  { reference }: SentAgreement,
  which: string,
): Promise<string[]> {
  const { body } = await deployment.at(0).get(`/v1/agreement/${reference}`);
  const { status, attempts_left: attempts, codes_left: codes } = body;
  const found = `${status}, ${attempts} attempts, ${codes} codes`;
  return unless(found === 'pending, 3 attempts, 4 codes', `the agreement ${which} is ${found}`);
}
