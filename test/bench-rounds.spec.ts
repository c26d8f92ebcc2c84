import { describe, expect, it } from '@jest/globals';
import type { Canary } from '../bench/canaries.js';
import {
  ENOUGH_ROUNDS,
  figuresOf,
  type MeasuredArm,
  measureRounds,
  ratiosOf,
  type Round,
  undisturbed,
  valuesOf,
} from '../bench/rounds.js';
import type { Bench } from '../bench/workload.js';

const USUAL: Canary = { http: 20_000, database: 10_000 };

function aRound(round: Partial<Round> = {}): Round {
  return { arms: { ours: { perSecond: 6 }, floor: { perSecond: 3 } }, foreign: 0, canaries: [USUAL, USUAL], ...round };
}

function rounds(count: number, round: Partial<Round> = {}): Round[] {
  return Array.from({ length: count }, () => aRound(round));
}

describe('rounds of a bench', () => {
  it('count where nothing disturbed them', () => {
    const { kept, dropped, noisy } = undisturbed(rounds(ENOUGH_ROUNDS));

    expect([kept.length, dropped.length, noisy]).toEqual([ENOUGH_ROUNDS, 0, false]);
  });

  it.each([
    ['something else used the machine', aRound({ foreign: 0.11 })],
    ['the HTTP server was slower before', aRound({ canaries: [{ ...USUAL, http: 17_900 }, USUAL] })],
    ['the database was slower after', aRound({ canaries: [USUAL, { ...USUAL, database: 8_900 }] })],
    ['the machine was faster', aRound({ canaries: [USUAL, { ...USUAL, http: 22_100 }] })],
  ])('are dropped where %s', (_, disturbed) => {
    const { kept, dropped, used } = undisturbed([...rounds(6), disturbed]);

    expect(dropped).toEqual([disturbed]);
    expect(used).toBe(kept);
  });

  it('are kept where the machine was off by less than a tenth, or does not tell', () => {
    const near = aRound({ foreign: 0.09, canaries: [{ ...USUAL, http: 18_100 }, USUAL] });
    const untold = aRound({ foreign: null });

    expect(undisturbed([...rounds(6), near, untold]).dropped).toEqual([]);
  });

  it('are judged by canaries from when nobody else worked', () => {
    const loaded = rounds(9, { foreign: 0.5, canaries: [{ http: 9_000, database: 4_000 }, USUAL] });

    expect(undisturbed([...rounds(5), ...loaded]).kept).toHaveLength(5);
  });

  it('are a hint only where too few are left, and then all of them', () => {
    const all = [...rounds(ENOUGH_ROUNDS - 1), ...rounds(3, { foreign: 0.4 })];

    const { noisy, used, kept } = undisturbed(all);

    expect([noisy, used.length, kept.length]).toEqual([true, 7, 4]);
  });

  it('give the ratio of two arms in the same round, and leave out what was not measured', () => {
    const three = [
      aRound({ arms: { ours: { perSecond: 100 }, floor: { perSecond: 50 } } }),
      aRound({ arms: { ours: { perSecond: 10 }, floor: { perSecond: 20 } } }),
      aRound({ arms: { ours: { perSecond: 10 }, floor: { perSecond: NaN } } }),
    ];

    const taken = undisturbed(three);

    expect(ratiosOf(taken, 'ours', 'floor', 'perSecond')).toEqual([2, 0.5]);
    expect(ratiosOf(taken, 'ours', 'nobody', 'perSecond')).toEqual([]);
    expect(valuesOf(taken, 'floor', 'perSecond')).toEqual([50, 20]);
  });

  it('become a figure of each arm that has it', () => {
    const arms = { ours: { perSecond: 4, memory: 80 }, floor: { perSecond: 2, memory: NaN } };
    const names = {
      perSecond: { name: 'creates', unit: 'per second' },
      memory: { name: 'memory', unit: 'MB' },
    } as const;

    const figures = figuresOf(undisturbed(rounds(5, { arms })), names, '32 connections');

    expect(figures.map(({ arm, name, at, median }) => [arm, name, at, median])).toEqual([
      ['ours', 'creates', '32 connections', 4],
      ['ours', 'memory', '32 connections', 80],
      ['floor', 'creates', '32 connections', 2],
    ]);
  });
});

describe('measuring', () => {
  const measuring = async (more: Partial<Bench>, wanted?: number) => {
    const order: string[] = [];
    const arms = ['a', 'b', 'c'].map((name): MeasuredArm => {
      const measure = async () => {
        if (order.at(-1) !== name) order.push(name);
        return { perSecond: 1 };
      };
      return { name, measure };
    });
    const ask = async () => {
      order.push('canaries');
      return USUAL;
    };
    const signal = new AbortController().signal;
    const rest = { postgres: { pid: process.pid }, quick: true, deadline: Infinity, signal, tell: () => undefined };
    const bench = { canaries: { ask }, ...rest, ...more } as unknown as Bench;
    const taken = await measureRounds(bench, arms, { budget: 5, ...(wanted === undefined ? {} : { rounds: wanted }) });
    return { order, taken };
  };

  it('takes the arms in turn, one way and then the other, between canaries', async () => {
    // However busy the machine is, two rounds are begun before two can have been kept.
    const { order } = await measuring({}, 2);

    expect(order.slice(0, 10).join(' ')).toBe('canaries a b c canaries canaries c b a canaries');
  });

  it('begins nothing after the end of the run', async () => {
    const { order, taken } = await measuring({ deadline: performance.now() - 1 });

    expect(order).toEqual([]);
    expect(taken).toEqual({ kept: [], dropped: [], noisy: true, used: [] });
  });

  it('begins nothing where somebody wants it to end', async () => {
    expect((await measuring({ signal: AbortSignal.abort() })).order).toEqual([]);
  });
});
