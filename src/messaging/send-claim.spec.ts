import { describe, expect, it } from '@jest/globals';
import type { Config } from '../config.js';
import type { Database, Statement } from '../database/index.js';
import type { SendLimits } from '../limits/index.js';
import type { Logger } from '../logger.js';
import type { TryOutcome } from './provider-chain.js';
import type { ProviderLanes } from './provider-lanes.js';
import { SendClaim } from './send-claim.js';

const ROUTES = new Map([
  ['RU', ['a', 'b']],
  ['DE', ['a']],
]);

interface Scene {
  /** Free places of each provider. */
  readonly free: Record<string, number>;
  readonly avoided?: readonly string[];
  /** What is due, such as `RU a: a try_later`: country, whose turn it was to be, and the tries. */
  readonly due?: readonly string[];
  readonly adopt?: () => never;
}

const row = (words: string, index: number) => {
  const [head = '', tail = ''] = words.split(':');
  const [country, noted] = head.split(' ');
  const tries = tail
    .split(',')
    .filter((text) => text !== '')
    .map((text) => text.trim().split(' '))
    .map(([provider = '', outcome]) => ({ provider, outcome: outcome as TryOutcome, receipt: null }));
  const known = { channel: 'sms', country, test: false, taken: true, wanted: true, contact: null, code_ends: null };
  return { reference: `r${index}`, generation: 1, noted, tries, ...known };
};

/** A claim of that, and what it asked of the database. */
function claimOf({ free, avoided = [], due = [], adopt }: Scene) {
  const rooms: Record<string, number>[] = [];
  const assigned: string[] = [];
  const looked: string[][] = [];
  const places = { ...free };
  const query = async ({ name }: Statement, values: readonly unknown[][]) => {
    const [first = [], second = [], third = [], fourth = []] = values;
    if (name === 'send_adopt') return adopt?.() ?? [];
    if (name === 'send_next_due') return looked.push(first as string[]) && [{ wait: first.length > 1 ? 0 : null }];
    if (name === 'send_due') {
      rooms.push(Object.fromEntries(first.map((provider, index) => [provider, second[index]])) as never);
      return due.map(row);
    }
    if (name === 'send_assign') {
      assigned.push(
        ...first.map((_, index) => `${String(first[index])} ${String(third[index])} ${String(fourth[index])}`),
      );
      return [];
    }
    return first.map((reference, index) => ({ reference, generation: 1, id: third[index] }));
  };
  const database = { query, transaction: async (work: (one: typeof query) => unknown) => work(query) };
  const lanes = {
    names: Object.keys(free),
    free: (provider: string) => places[provider] ?? 0,
    isAvoided: (provider: string) => avoided.includes(provider),
    gateway: (provider: string) => (provider in free ? { deduplicates: true } : undefined),
    take: (provider: string) => {
      places[provider] = (places[provider] ?? 0) - 1;
      return { leave: () => undefined };
    },
  };
  const config = { sms: { routes: ROUTES, timeout: 1_000 }, email: { providers: ['m'] } } as unknown as Config;
  const warned: unknown[] = [];
  const logger = { warn: (...what: unknown[]) => void warned.push(what) } as unknown as Logger;
  const limits = { take: async () => new Map(), giveUp: async () => undefined } as unknown as SendLimits;
  const claim = new SendClaim(
    config,
    logger,
    database as unknown as Database,
    limits,
    lanes as unknown as ProviderLanes,
  );
  /** Who is called for what, such as `r0 a`. */
  const take = async () => {
    const taken = await claim.take(() => undefined);
    return taken.map(({ send }) => `${send.reference} ${send.turn.kind === 'call' ? send.turn.provider : 'end'}`);
  };
  return { claim, take, rooms, assigned, looked, warned };
}

describe('what is claimed of a provider', () => {
  it.each<[string, Scene, Record<string, number>]>([
    ['is what it has places for', { free: { a: 3, b: 5 } }, { a: 3, b: 5, '': 5 }],
    ['is at most two hundred', { free: { a: 300, b: 5 } }, { a: 200, b: 5, '': 200 }],
    ['is nothing where it is full', { free: { a: 0, b: 5 } }, { b: 5, '': 5 }],
    ['in trouble is what another one has places for', { free: { a: 0, b: 5 }, avoided: ['a'] }, { a: 5, b: 5, '': 5 }],
    [
      'in trouble is nothing where the other one is full',
      { free: { a: 9, b: 0, t: 4 }, avoided: ['a'] },
      { t: 4, '': 4 },
    ],
    ['is its own where all are in trouble', { free: { a: 2, b: 1 }, avoided: ['a', 'b'] }, { a: 2, b: 1, '': 2 }],
    ['that hangs with nobody beside it is nothing', { free: { m: 0, t: 4 }, avoided: ['m'] }, { t: 4, '': 4 }],
  ])('%s', async (_, scene, rooms) => {
    const { take, rooms: asked } = claimOf(scene);
    await take();
    expect(asked).toEqual([rooms]);
  });

  it('is not looked for again at once where all of it had to wait', async () => {
    const { claim, take, rooms, assigned, looked } = claimOf({
      free: { a: 0, b: 5 },
      avoided: ['a'],
      due: ['DE a', 'DE a'],
    });
    expect(await take()).toEqual([]);
    expect(assigned).toEqual(['r0 a 1', 'r1 a 1']);
    await claim.nextDue();
    expect(looked).toEqual([['b', '']]);
    await take();
    expect(rooms.map((room) => Object.keys(room))).toEqual([
      ['a', 'b', ''],
      ['b', ''],
    ]);
  });

  it('goes on although what nobody knows cannot be handed on, and tries that once in a while only', async () => {
    const adopt = (): never => {
      throw new Error('deadlock');
    };
    const { take, warned } = claimOf({ free: { a: 3 }, due: ['DE a'], adopt });
    expect(await take()).toEqual(['r0 a']);
    await take();
    expect(warned).toHaveLength(1);
  });
});

describe('whose turn it is', () => {
  const both = { a: 5, b: 5 };
  it.each<[string, Scene, string[], string[]]>([
    ['who is in trouble is passed by', { free: both, avoided: ['a'], due: ['RU a', 'DE a'] }, ['r0 b', 'r1 a'], []],
    ['unless he may have the text', { free: both, avoided: ['a'], due: ['RU a: a unknown'] }, ['r0 a'], []],
    ['or the next one is in trouble too', { free: both, avoided: ['a', 'b'], due: ['RU a'] }, ['r0 a'], []],
    ['what was handed on comes back', { free: both, due: ['RU b'] }, ['r0 a'], []],
    ['but not to one that is full', { free: { a: 0, b: 5 }, due: ['RU b'] }, ['r0 b'], []],
    ['nor if he has failed it before', { free: both, due: ['RU b: a try_later'] }, ['r0 b'], []],
    [
      'nobody is given more than he has places for',
      { free: { a: 5, b: 1 }, avoided: ['a'], due: ['RU a', 'RU a'] },
      ['r0 b'],
      ['r1 a 1'],
    ],
    [
      'who said later is asked when the next one is in trouble',
      { free: both, avoided: ['b'], due: ['RU b: a try_later, b try_later'] },
      ['r0 a'],
      [],
    ],
    ['and when the next one has refused', { free: both, due: ['RU a: a try_later, b refused'] }, ['r0 a'], []],
    ['who has refused is not', { free: both, avoided: ['b'], due: ['RU b: a refused, b try_later'] }, ['r0 b'], []],
    [
      'who took it in doubt keeps it',
      { free: both, avoided: ['b'], due: ['RU b: a try_later, b unknown'] },
      ['r0 b'],
      [],
    ],
    ['what waits for a full one waits without a word', { free: { a: 0, b: 5 }, due: ['RU a', 'DE a'] }, [], []],
  ])('%s', async (_, scene, called, waits) => {
    const { take, assigned } = claimOf(scene);
    expect(await take()).toEqual(called);
    expect(assigned).toEqual(waits);
  });
});
