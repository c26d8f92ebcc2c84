import { spawnSync } from 'node:child_process';
import { describe } from '@jest/globals';

/** What promtool said, and its exit code. */
export interface Verdict {
  readonly code: number | null;
  readonly output: string;
}

/** Runs promtool, Prometheus' own judge of metrics and rules. @param input what it reads from its stdin */
export function promtool(args: readonly string[], input = ''): Verdict {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { input, encoding: 'utf8', timeout: 20_000 });
  return { code: status, output: `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}` };
}

/** `describe` for specs that need promtool; skipped where it is not installed, with the reason in the name, but not in CI. */
export function describeWithPromtool(name: string, specs: () => void): void {
  const present = promtool(['--version']).code === 0;
  if (present || process.env['CI'] === 'true') describe(name, specs);
  else describe.skip(`${name} (skipped: promtool, of Debian's package prometheus, is not installed)`, specs);
}
