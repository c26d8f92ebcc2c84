import { describe, expect, it } from '@jest/globals';
import type { Config } from '../config.js';
import type { Database } from '../database/index.js';
import { ForgetEndedCodesHandler } from './forget-ended-codes.js';

const HOUR = 3_600;

/** A handler on a database that has so many codes to forget, and where it looked so far. */
function handlerWith(ended: number, agreementTtl = 24 * HOUR) {
  const stretches: unknown[][] = [];
  let left = ended;
  const database = {
    query: async (_: unknown, [from, to, batch]: [number, number, number]) => {
      stretches.push([from, to]);
      const rows = Array.from({ length: Math.min(left, batch) });
      left -= rows.length;
      return rows;
    },
  } as unknown as Database;
  const config = { otp: { ttl: 900_000, agreementTtl: agreementTtl * 1000 } } as Config;
  return { handler: new ForgetEndedCodesHandler(config, database), stretches };
}

describe('the sweep that forgets codes', () => {
  it('is at first a walk through all that may be pending, in stretches of an hour that leave nothing out', async () => {
    const { handler, stretches } = handlerWith(0);
    await handler.execute();
    expect(stretches).toHaveLength(25);
    expect(stretches.at(0)).toEqual([25 * HOUR, 24 * HOUR]);
    expect(stretches.at(-1)).toEqual([HOUR, 0]);
    for (const [index, [from]] of stretches.slice(1).entries()) expect(from).toBe(stretches[index]?.[1]);
  });

  it('ends at now also where the life of an agreement is no whole number of hours', async () => {
    const { handler, stretches } = handlerWith(0, 100);
    await handler.execute();
    expect(stretches).toEqual([
      [HOUR + 100, 100],
      [100, 0],
    ]);
  });

  it('is then one at those whose first code has ended in the last ten minutes', async () => {
    const { handler, stretches } = handlerWith(0);
    await handler.execute();
    stretches.length = 0;
    await handler.execute();
    expect(stretches).toEqual([[1_500, 900]]);
  });

  it('forgets also more than one statement takes', async () => {
    const { handler } = handlerWith(1_234);
    expect(await handler.execute()).toBe(1_234);
  });
});
