import { describe, expect, it } from '@jest/globals';
import { FAILPOINTS } from '../../src/failpoint.js';
import { chaos, HOLDS } from './suite.js';

describe('a deployment of two processes of each role, under load', () => {
  it('keeps its promises through kill -9 at every other place where a crash could cost something', async () => {
    const deaths = ['--faults', 'deaths', '--every', '1', '--rate', '12', '--part', '1/2'];
    const { exitCode, output, verdicts, faults } = await chaos('--seed', '1', ...deaths);

    expect({ verdicts, output }).toMatchObject({ verdicts: HOLDS });
    expect(faults).toEqual(FAILPOINTS.filter((_, index) => index % 2 === 0).map((name) => `death at ${name}`));
    expect(exitCode).toBe(0);
  }, 400_000);
});
