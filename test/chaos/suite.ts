import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

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
  const verdicts = [...output.matchAll(/^([IEL]\d) {2}(holds|BROKEN)/gm)].map(([, id = '', said]) => [id, said]);
  const faults = [...output.matchAll(/^ *\d+ s {2}(.+) \([\d.]+ s\)$/gm)].map(([, name = '']) => name);
  return { exitCode, output, verdicts: Object.fromEntries(verdicts) as Report['verdicts'], faults };
}

/** All that is promised. */
export const HOLDS = Object.fromEntries(
  ['I1', 'I2', 'I3', 'I4', 'I5', 'E1', 'E2', 'E3', 'L1'].map((id) => [id, 'holds' as const]),
);
