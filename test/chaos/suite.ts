import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { type Mutation, MUTATIONS } from './mutations.js';

/** What a run of the suite has said. */
export interface Report {
  readonly exitCode: number | null;
  readonly output: string;
  /** By the id of each invariant. */
  readonly verdicts: Readonly<Record<string, 'holds' | 'BROKEN'>>;
  /** The names of the faults that were. */
  readonly faults: readonly string[];
}

const HOOK = fileURLToPath(new URL('../support/swc-hook.mjs', import.meta.url));
const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

/** Runs the suite as `npm run chaos` does. */
export async function chaos(...args: string[]): Promise<Report> {
  const child = spawn(process.execPath, ['--import', HOOK, MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += String(data)));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  const verdicts = [...output.matchAll(/^([IELR]\d) {2}(holds|BROKEN)/gm)].map(([, id = '', said]) => [id, said]);
  // A mismatch shows the verdicts alone.
  if (exitCode !== 0 && !args.includes('--mutation')) console.log(output);
  const faults = [...output.matchAll(/^ *\d+ s {2}(.+) \([\d.]+ s\)$/gm)].map(([, name = '']) => name);
  return { exitCode, output, verdicts: Object.fromEntries(verdicts) as Report['verdicts'], faults };
}

/** All that is promised. */
export const HOLDS = Object.fromEntries(
  ['I1', 'I2', 'I3', 'I4', 'I5', 'E1', 'E2', 'E3', 'L1', 'R1'].map((id) => [id, 'holds' as const]),
);

/** The checker must see each of these defects. */
export function seesMutations(which: string, choose: (mutation: Mutation) => boolean): void {
  describe(`the checker, of defects ${which}`, () => {
    it.each(Object.entries(MUTATIONS).filter(([, mutation]) => choose(mutation)))(
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
}
