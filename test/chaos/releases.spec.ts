import { describe, expect, it } from '@jest/globals';
import { chaos, HOLDS } from './suite.js';

describe('two releases side by side, under load', () => {
  it('keep every promise while one takes the place of the other, and while it is taken back on the new schema', async () => {
    const { exitCode, output, verdicts, faults } = await chaos('--seed', '3', '--faults', 'releases', '--every', '3');

    // 0.1.0 could publish an event before its predecessor, when the predecessor's transaction was slow to commit.
    const { E2: _, ...promised } = HOLDS;
    expect({ verdicts, output }).toMatchObject({ verdicts: promised });
    expect(faults).toHaveLength(12);
    expect(exitCode).toBe(0);
  }, 300_000);
});
