import assert from 'node:assert/strict';
import { describe, it } from '@jest/globals';
import fc from 'fast-check';
import { AgreementModel } from '../../test/support/agreement-model.js';
import { SECOND } from '../../test/support/agreements.js';
import { WatchedAgreement } from '../../test/support/watched-agreement.js';
import type { AgreementPolicy } from './agreement.state.js';

type Step = fc.Command<AgreementModel, WatchedAgreement>;

/** A step that asks both for the same thing: the answers must be equal, and every promise must hold afterwards. */
function step(
  name: string,
  ask: (model: AgreementModel, agreement: WatchedAgreement) => readonly [expected: string, answered: string],
): Step {
  return {
    check: () => true,
    toString: () => name,
    run: (model, agreement) => {
      const [expected, answered] = ask(model, agreement);
      assert.equal(answered, expected);
      assert.equal(agreement.status(model.now), model.status);
      if (model.status === 'pending') assert.equal(agreement.attemptsLeft, model.attemptsLeft);
      agreement.checkPromises(model.now);
    },
  };
}

function guess(kind: 'rightCode' | 'wrongCode' | 'oldCode'): Step {
  return step(`guess ${kind}`, (model, agreement) => {
    const digits = agreement[kind];
    const right = digits === agreement.rightCode;
    return [model.confirm(right), agreement.confirm(digits, model.now)];
  });
}

function issue(back: number): Step {
  return step(`issue newest - ${back}`, (model, agreement) => {
    const generation = model.newest - back;
    return [model.issueCode(generation), agreement.issueCode(generation, model.now)];
  });
}

function resend(waiting: boolean): Step {
  return step(waiting ? 'resend while waiting' : 'resend', (model, agreement) => [
    model.requestCode(waiting),
    agreement.requestCode(waiting, model.now),
  ]);
}

const cancel = step('cancel', (model, agreement) => [model.cancel(), agreement.cancel(model.now)]);
const withdraw = step('withdraw', (model, agreement) => [model.withdraw(), agreement.withdraw(model.now)]);
const expire = step('expire', (model, agreement) => [model.expire(), agreement.expire(model.now)]);

function wait(milliseconds: number): Step {
  return step(`wait ${milliseconds} ms`, (model) => {
    model.now += milliseconds;
    return ['', ''];
  });
}

/** To one millisecond before, exactly at or after the next moment at which something ends or begins. */
function waitForLimit(offset: number): Step {
  return step(`wait for the next limit ${offset} ms`, (model) => {
    const ahead = model.limits.map((limit) => limit + offset).filter((time) => time > model.now);
    model.now = Math.min(...ahead, model.now + 100 * SECOND);
    return ['', ''];
  });
}

/** What ends an agreement comes seldom, or nothing would ever be asked of a living one. */
const steps = fc.commands(
  [
    fc.oneof(
      { weight: 10, arbitrary: fc.constantFrom(guess('wrongCode'), guess('wrongCode'), guess('oldCode')) },
      { weight: 2, arbitrary: fc.constant(guess('rightCode')) },
      { weight: 8, arbitrary: fc.constantFrom(issue(0), issue(0), issue(0), issue(1), issue(-1)) },
      { weight: 4, arbitrary: fc.constantFrom(resend(false), resend(false), resend(true)) },
      { weight: 1, arbitrary: fc.constantFrom(cancel, withdraw, expire) },
      { weight: 5, arbitrary: fc.constantFrom(-1, 0, 1).map(waitForLimit) },
      { weight: 2, arbitrary: fc.nat(20 * SECOND).map(wait) },
    ),
  ],
  { maxCommands: 60, size: 'max' },
);

const seconds = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min, max }).map((count) => count * SECOND);

const policies: fc.Arbitrary<AgreementPolicy> = fc.record({
  ttl: fc.oneof(seconds(1, 10), seconds(1, 3600)),
  resendInterval: fc.oneof(fc.constant(0), seconds(0, 120)),
  attempts: fc.integer({ min: 1, max: 4 }),
  maxCodes: fc.integer({ min: 1, max: 5 }),
  maxFailures: fc.integer({ min: 1, max: 7 }),
  agreementTtl: fc.oneof({ weight: 1, arbitrary: seconds(1, 60) }, { weight: 4, arbitrary: seconds(300, 86_400) }),
});

describe('an agreement, whatever is asked of it in whatever order', () => {
  it('answers as its rules say and keeps its promises', () => {
    const story = fc.property(policies, steps, (policy, taken) => {
      fc.modelRun(() => ({ model: new AgreementModel(policy), real: new WatchedAgreement(policy) }), taken);
    });

    fc.assert(story, { numRuns: 400 });
  });
});
