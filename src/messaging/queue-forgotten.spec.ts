import { describe, expect, it } from '@jest/globals';
import type { CommandBus } from '@nestjs/cqrs';
import type { Config } from '../config.js';
import type { Database } from '../database/index.js';
import { QueueForgottenHandler } from './queue-forgotten.js';
import type { SendCode } from './send-code.js';

const HOUR = 3_600;

/** A handler on a database that has these forgotten, and what it asked and commanded so far. */
function handlerWith(forgotten: { reference: string; generation: number }[], agreementTtl = 24 * HOUR) {
  const stretches: unknown[][] = [];
  const commanded: string[] = [];
  const database = {
    query: async (_: unknown, [from, to, batch]: [number, number, number]) => {
      stretches.push([from, to]);
      return forgotten.splice(0, batch);
    },
  } as unknown as Database;
  const commands = {
    execute: async ({ reference, generation }: SendCode) => commanded.push(`${reference} ${generation}`),
  } as unknown as CommandBus;
  const config = { otp: { agreementTtl: agreementTtl * 1000 } } as Config;
  return { handler: new QueueForgottenHandler(config, database, commands), stretches, commanded };
}

describe('the look for forgotten codes', () => {
  it('is at first a walk through all that may be pending, in stretches of an hour that leave nothing out', async () => {
    const { handler, stretches } = handlerWith([]);
    await handler.execute();
    expect(stretches).toHaveLength(25);
    expect(stretches.at(0)).toEqual([25 * HOUR, 24 * HOUR]);
    expect(stretches.at(-1)).toEqual([HOUR, 0]);
    for (const [index, [from]] of stretches.slice(1).entries()) expect(from).toBe(stretches[index]?.[1]);
  });

  it('ends at now also where the life of an agreement is no whole number of hours', async () => {
    const { handler, stretches } = handlerWith([], 100);
    await handler.execute();
    expect(stretches).toEqual([
      [HOUR + 100, 100],
      [100, 0],
    ]);
  });

  it('is then one at the last ten minutes', async () => {
    const { handler, stretches } = handlerWith([]);
    await handler.execute();
    stretches.length = 0;
    await handler.execute();
    await handler.execute();
    expect(stretches).toEqual([
      [600, 0],
      [600, 0],
    ]);
  });

  it('finds also more than one statement brings', async () => {
    const many = Array.from({ length: 2_500 }, (_, index) => ({ reference: `r${index}`, generation: 1 }));
    const { handler, commanded } = handlerWith([...many]);
    expect(await handler.execute()).toBe(2_500);
    expect(commanded).toEqual(many.map(({ reference }) => `${reference} 1`));
  });
});
