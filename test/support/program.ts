import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Ending } from './process.js';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const CLI = join(PROJECT, 'dist/cli.js');
const RUNS_AT_MOST = 60_000;

/** A program that was run to its end. */
export interface Finished extends Ending {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the service's command line to its end, in exactly this environment. */
export function runCli(args: string[], env: Readonly<Record<string, string>>): Promise<Finished> {
  return runToEnd(process.execPath, [CLI, ...args], PROJECT, env);
}

/** What a command prints with `--json`. @throws where it did not end well */
export async function cliData<T = Record<string, any>>(
  args: string[],
  env: Readonly<Record<string, string>>,
): Promise<T> {
  const { code, stdout, stderr } = await runCli([...args, '--json'], env);
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** Runs an npm script in a project's folder to its end. */
export function runNpm(project: string, args: string[], env: Readonly<Record<string, string>>): Promise<Finished> {
  return runToEnd('npm', args, project, env);
}

/** Runs a script of the folder `scripts` to its end; Node runs the TypeScript by itself. */
export function runScript(name: string, args: string[]): Promise<Finished> {
  const hook = join(PROJECT, 'test/support/typescript-hook.mjs');
  return runToEnd(process.execPath, ['--import', hook, join(PROJECT, 'scripts', name), ...args], PROJECT, {});
}

/** Runs a program in a folder to its end, in exactly this environment. */
export async function runToEnd(
  file: string,
  args: string[],
  cwd: string,
  given: Readonly<Record<string, string>>,
): Promise<Finished> {
  const env = { PATH: process.env['PATH'], HOME: tmpdir(), ...given };
  const child = spawn(file, args, { cwd, env, timeout: RUNS_AT_MOST, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => (stdout += String(data)));
  child.stderr.on('data', (data) => (stderr += String(data)));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout, stderr };
}

/** What `npm start` and the migration scripts need. */
const NEEDED = ['package.json', '.swcrc', 'src', 'migrations'];

/**
 * Puts the project into a folder: the npm scripts that build first take `dist` away for a moment, and other specs start
 * processes from it at the same time.
 */
export async function copyProject(folder: string): Promise<string> {
  const copy = join(folder, 'project');
  await mkdir(copy);
  for (const name of NEEDED) await cp(join(PROJECT, name), join(copy, name), { recursive: true });
  await symlink(join(PROJECT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}
