import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Config } from '../config.js';
import {
  Admission,
  earlyOf,
  earlyWindows,
  type Question,
  type Rule,
  rulesOf,
  type Tally,
  type Wish,
} from './admission.js';

const MINUTE = 60_000;
const NO_GUARD = { minSends: 50, minConversion: 0, window: 60 * MINUTE, countries: false };

function limits(some: Partial<Config['limits']>): Config['limits'] {
  return { ...{ phone: [], phoneAll: [], prefix: [], country: [], client: [], address: [], guard: NO_GUARD }, ...some };
}

const window = (max: number, minutes = 10): { max: number; within: number } => ({ max, within: minutes * MINUTE });
const one = [window(1)];
const ALL = limits({
  ...{ phone: [window(5), window(10, 1440)], phoneAll: one, prefix: one, country: one, address: one },
  guard: { ...NO_GUARD, minConversion: 0.05, countries: true },
});

let made = 0;
function wish(some: Partial<Wish['keys']> & { client?: string } = {}): Wish {
  const { client = 'shop', ...keys } = some;
  const own = { contact: ['1'], prefix: ['2'], address: ['3'], country: 'RU', ...keys };
  return { reference: String((made += 1)), generation: 1, client, keys: own };
}

/** What is let through of these, where nothing or what `tally` says was counted before. */
function admitted(rules: readonly Rule[], wishes: readonly Wish[], tally?: (question: Question) => Tally): unknown[] {
  const admission = knowing(rules, wishes, tally);
  return wishes.map((each) => admission.admit(each));
}

function knowing(rules: readonly Rule[], wishes: readonly Wish[], tally?: (question: Question) => Tally): Admission {
  const admission = new Admission(rules);
  for (const question of admission.questions(wishes)) if (tally) admission.know(question, tally(question));
  return admission;
}

describe('the rules of a configuration', () => {
  it('are none where everything is off', () => {
    expect(rulesOf(limits({}))).toEqual([]);
  });

  it('are its windows in seconds and its guards, in the order in which they are named to a caller', () => {
    const rules = rulesOf(ALL).map(({ no, name, scope, secs, max, own }) => [no, name, scope, secs, max, own]);

    expect(rules).toEqual([
      [0, 'phone', 'contact', 600, 5, true],
      [1, 'phone', 'contact', 86_400, 10, true],
      [2, 'phone', 'contact', 600, 1, false],
      [3, 'prefix', 'prefix', 600, 1, false],
      [4, 'country', 'country', 600, 1, false],
      [5, 'address', 'address', 600, 1, false],
      [6, 'hold', 'prefix', 3600, 50, false],
      [7, 'hold', 'country', 3600, 50, false],
    ]);
  });

  it('give back what was confirmed except to a country and an address', () => {
    const heeding = rulesOf(ALL).filter(({ confirmations }) => confirmations);

    expect(heeding.map(({ no }) => no)).toEqual([0, 1, 2, 3, 6, 7]);
  });

  it('know no guard of countries unless it is asked for', () => {
    const rules = rulesOf({ ...ALL, guard: { ...ALL.guard, countries: false } });

    expect(rules.filter(({ guard }) => guard).map(({ scope }) => scope)).toEqual(['prefix']);
  });

  it('go to the request without the guards and without what allows more than it looks at', () => {
    const rules = rulesOf(limits({ ...ALL, prefix: [window(1000), window(1001)] }));
    const early = JSON.parse(earlyWindows(earlyOf(rules))) as { no: number; scope: string; max: number }[];

    expect(early.map(({ no, scope, max }) => [no, scope, max])).toEqual([
      [0, 'contact', 5],
      [1, 'contact', 10],
      [2, 'contact', 1],
      [3, 'prefix', 1000],
      [5, 'country', 1],
      [6, 'address', 1],
    ]);
    expect(early[0]).toEqual({
      no: 0,
      scope: 'contact',
      name: 'phone',
      max: 5,
      secs: 600,
      own: true,
      unconfirmed: true,
    });
  });
});

describe('what the database is asked', () => {
  it('is every rule under every key, each once', () => {
    const wishes = [wish(), wish(), wish({ client: 'bank' }), wish({ contact: ['9'] })];

    const asked = new Admission(rulesOf(ALL)).questions(wishes);

    expect(asked.map(({ rule, keys, country, client }) => [rule.no, country ?? keys[0], client])).toEqual([
      ...[[0, '1', 'shop'] as const, [1, '1', 'shop'] as const, [2, '1', null] as const, [3, '2', null] as const],
      ...[[4, 'RU', null] as const, [5, '3', null] as const, [6, '2', null] as const, [7, 'RU', null] as const],
      ...[[0, '1', 'bank'] as const, [1, '1', 'bank'] as const],
      ...[[0, '9', 'shop'] as const, [1, '9', 'shop'] as const, [2, '9', null] as const],
    ]);
  });

  it('is nothing about an address or a country that a text does not have', () => {
    const asked = new Admission(rulesOf(ALL)).questions([wish({ address: [], country: null })]);

    expect(asked.map(({ rule }) => rule.no)).toEqual([0, 1, 2, 3, 6]);
  });

  it('is asked under all keys of a rotation', () => {
    const [question] = new Admission(rulesOf(limits({ prefix: one }))).questions([wish({ prefix: ['new', 'old'] })]);

    expect(question?.keys).toEqual(['new', 'old']);
  });
});

describe('a send', () => {
  it.each([
    [4, null],
    [5, 'phone'],
    [6, 'phone'],
  ])('with %i before it under a limit of 5 meets: %s', (sends, expected) => {
    const rules = rulesOf(limits({ phone: [window(5)] }));

    expect(admitted(rules, [wish()], () => ({ sends, unconfirmed: sends }))).toEqual([expected]);
  });

  it('is not in the way where it was confirmed, except of a country and of an address', () => {
    const confirmed = (): Tally => ({ sends: 1, unconfirmed: 0 });

    for (const name of ['phone', 'phoneAll', 'prefix'] as const) {
      expect(admitted(rulesOf(limits({ [name]: one })), [wish()], confirmed)).toEqual([null]);
    }
    for (const name of ['country', 'address'] as const) {
      expect(admitted(rulesOf(limits({ [name]: one })), [wish()], confirmed)).toEqual([name]);
    }
  });

  it('is counted before the next of the same claim is looked at', () => {
    const rules = rulesOf(limits({ phone: [window(2)], prefix: [window(3)] }));
    const [first, second] = [wish({ contact: ['a'] }), wish({ contact: ['b'] })];

    expect(admitted(rules, [first, first, first, second, second])).toEqual([null, null, 'phone', null, 'prefix']);
  });

  it('that is refused uses up nothing', () => {
    const rules = rulesOf(limits({ phone: [window(1)], prefix: [window(2)] }));
    const [first, second] = [wish({ contact: ['a'] }), wish({ contact: ['b'] })];

    expect(admitted(rules, [first, first, first, second])).toEqual([null, 'phone', 'phone', null]);
  });

  it('of another client counts under the limit of all and not under its own', () => {
    const [mine, other] = [wish(), wish({ client: 'bank' })];

    expect(admitted(rulesOf(limits({ phone: one })), [mine, other])).toEqual([null, null]);
    expect(admitted(rulesOf(limits({ phoneAll: one })), [mine, other])).toEqual([null, 'phone']);
  });

  it('is told of the first limit in the order of the rules, whichever of them stand against it', () => {
    const names = ['phone', 'prefix', 'country', 'address'] as const;

    fc.assert(
      fc.property(fc.subarray([...names], { minLength: 1 }), (set) => {
        const rules = rulesOf(limits(Object.fromEntries(set.map((name) => [name, one]))));
        const first = names.find((name) => set.includes(name));

        expect(admitted(rules, [wish()], () => ({ sends: 1, unconfirmed: 1 }))).toEqual([first]);
      }),
    );
  });

  it('is let through as often as each of its limits allows and no more, whatever is claimed together', () => {
    const rules = rulesOf(
      limits({ phone: [window(2)], phoneAll: [window(3)], prefix: [window(4)], country: [window(7)] }),
    );
    const some = fc.record({ client: fc.constantFrom('a', 'b'), n: fc.nat(3), block: fc.nat(1) });

    fc.assert(
      fc.property(fc.array(some, { maxLength: 30 }), (sends) => {
        const wishes = sends.map(({ client, n, block }) =>
          wish({ client, contact: [`${block}${n}`], prefix: [`${block}`] }),
        );
        const passed = wishes.filter((_, index) => admitted(rules, wishes)[index] === null);

        const most = (key: (each: Wish) => string): number =>
          Math.max(0, ...[...Map.groupBy(passed, key).values()].map(({ length }) => length));
        expect(most(({ client, keys }) => client + keys.contact[0])).toBeLessThanOrEqual(2);
        expect(most(({ keys }) => keys.contact[0] ?? '')).toBeLessThanOrEqual(3);
        expect(most(({ keys }) => keys.prefix[0] ?? '')).toBeLessThanOrEqual(4);
        expect(passed.length).toBeLessThanOrEqual(7);
      }),
    );
  });
});

describe('the guard', () => {
  const guarded = (minSends: number, minConversion: number, countries = false): readonly Rule[] =>
    rulesOf(limits({ guard: { minSends, minConversion, window: 60 * MINUTE, countries } }));

  it.each([
    [50, 0.05, 49, 0, null],
    [50, 0.05, 50, 2, 'hold'],
    [50, 0.05, 50, 3, null],
    [50, 0.05, 60, 3, null],
    [50, 0.05, 61, 3, 'hold'],
    [50, 0.07, 100, 7, null],
    [50, 0.07, 100, 6, 'hold'],
    [1, 1, 1, 1, null],
    [1, 1, 1, 0, 'hold'],
    [1, 0, 100, 0, null],
  ])(
    'from %i sends and a share of %d: %i sent and %i confirmed is %s',
    (minSends, share, sends, confirmed, expected) => {
      const tally = { sends, unconfirmed: sends - confirmed };

      expect(admitted(guarded(minSends, share), [wish()], () => tally)).toEqual([expected]);
    },
  );

  it('closes within a claim once enough was let through unconfirmed', () => {
    const wishes = [wish(), wish(), wish()];

    expect(admitted(guarded(2, 0.05), wishes)).toEqual([null, null, 'hold']);
  });

  it('holds a country only where it is asked to', () => {
    const nowhere = wish({ prefix: ['elsewhere'] });

    expect(admitted(guarded(2, 0.05, true), [wish(), wish(), nowhere])).toEqual([null, null, 'hold']);
    expect(admitted(guarded(2, 0.05), [wish(), wish(), nowhere])).toEqual([null, null, null]);
  });

  it('names a limit before it names itself', () => {
    const rules = rulesOf(limits({ prefix: one, guard: { ...NO_GUARD, minSends: 1, minConversion: 0.05 } }));

    expect(admitted(rules, [wish()], () => ({ sends: 1, unconfirmed: 1 }))).toEqual(['prefix']);
  });
});

describe('what is closed after a claim', () => {
  const closedOf = (some: Partial<Config['limits']>, sends: number, wishes = [wish()]): unknown[] => {
    const admission = knowing(rulesOf(limits(some)), wishes, () => ({ sends, unconfirmed: sends }));
    for (const each of wishes) admission.admit(each);
    return admission
      .closed(wishes)
      .map(({ rule, keys, country, tally }) => [rule.name, country ?? keys[0], tally.sends]);
  };
  const guard = { ...NO_GUARD, minSends: 10, minConversion: 0.05 };

  it('is what the guard holds, the last send that it let through included', () => {
    expect(closedOf({ guard }, 8)).toEqual([]);
    expect(closedOf({ guard }, 9)).toEqual([['hold', '2', 10]]);
    expect(closedOf({ guard }, 10)).toEqual([['hold', '2', 10]]);
  });

  it('is a prefix or a country whose limit is more than a request looks at', () => {
    expect(closedOf({ prefix: [window(1001)], country: [window(2000)] }, 1000)).toEqual([['prefix', '2', 1001]]);
    expect(closedOf({ country: [window(2000)] }, 1999)).toEqual([['country', 'RU', 2000]]);
  });

  it('is not what a request sees by itself, nor a phone or an address, which nobody may close for others', () => {
    expect(closedOf({ prefix: [window(1000)], country: [window(5)] }, 1000)).toEqual([]);
    expect(closedOf({ phone: [window(2000)], phoneAll: [window(2000)], address: [window(2000)] }, 2000)).toEqual([]);
  });

  it('is named once, however many were claimed', () => {
    expect(closedOf({ guard }, 10, [wish(), wish(), wish({ contact: ['other'] })])).toEqual([['hold', '2', 10]]);
  });
});
