import { describe, expect, it } from '@jest/globals';
import { FAILPOINTS } from '../../src/failpoint.js';
import { chaos, HOLDS } from './suite.js';

describe('a deployment that sends by SMPP, and by HTTP where that fails, under load', () => {
  it('keeps its promises through kill -9 at the other places where a crash could cost something', async () => {
    const deaths = ['--faults', 'deaths', '--every', '1', '--rate', '12', '--part', '2/2'];
    const { exitCode, output, verdicts, faults } = await chaos('--seed', '4', '--sms', 'smpp,http', ...deaths);

    expect({ verdicts, output }).toMatchObject({ verdicts: HOLDS });
    expect(faults).toEqual(FAILPOINTS.filter((_, index) => index % 2 === 1).map((name) => `death at ${name}`));
    expect(exitCode).toBe(0);
  }, 400_000);
});
