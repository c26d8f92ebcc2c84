import { describe, expect, it } from '@jest/globals';
import { NOT_YET_PROMISED } from './releases.js';
import { chaos, HOLDS } from './suite.js';

describe('two releases side by side, under load', () => {
  it('keep every promise while one takes the place of the other, and while it is taken back on the new schema', async () => {
    const { exitCode, output, verdicts, faults } = await chaos(
      ...['--seed', '3', '--faults', 'releases', '--every', '3', '--no-receipts'],
    );

    const promised = Object.entries(HOLDS).filter(([id]) => !NOT_YET_PROMISED.includes(id));
    expect({ verdicts, output }).toMatchObject({ verdicts: Object.fromEntries(promised) });
    expect(faults).toHaveLength(12);
    expect(exitCode).toBe(0);
  }, 300_000);
});
