import { describe, expect, it } from '@jest/globals';
import { MUTATIONS } from './mutations.js';
import { chaos } from './suite.js';

describe('the checker', () => {
  it.each(Object.entries(MUTATIONS))(
    'sees that %s',
    async (name, { breaks, faults }) => {
      const storm = ['--seed', '2', '--duration', '5', '--every', '2', '--patience', '8', '--faults', faults];
      const { exitCode, output, verdicts } = await chaos(...storm, '--mutation', name);

      expect({ verdicts, output }).toMatchObject({ verdicts: { [breaks]: 'BROKEN' } });
      expect(output).not.toContain('nothing was there to be looked at');
      expect(exitCode).toBe(1);
      expect(output).toMatch(/^To see it again: .*--seed 2/m);
    },
    200_000,
  );
});
