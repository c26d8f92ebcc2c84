import { execFile } from 'node:child_process';
import { mkdtemp, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Fault } from './faults.js';
import { PROGRAM } from './world.js';

const run = promisify(execFile);

/** The release that runs out there while this one is installed. */
export const PREVIOUS = '0.3.0';

/** The invariants that it does not keep yet: it takes no receipts. */
export const NOT_YET_PROMISED: readonly string[] = ['R1'];

/**
 * Builds an earlier release from its sources, which are kept beside this file: a clone need not have the history. It
 * runs on the libraries of today.
 * @returns its `main.js`
 */
export async function buildRelease(version: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `release-${version}-`));
  await run('tar', ['xzf', fileURLToPath(new URL(`releases/${version}.tgz`, import.meta.url)), '-C', folder]);
  await symlink(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(folder, 'node_modules'));
  await run('npm', ['run', 'build', '--silent'], { cwd: folder });
  return join(folder, 'dist/main.js');
}

/** Place by place from the previous release to this one, and all the way back on the new schema. */
export function changesOfRelease(previous: string): Fault[] {
  const places = ['worker-1', 'relay-1', 'api-1', 'relay-2', 'worker-2', 'api-2'];
  const change = (program: string, word: string): Fault[] =>
    places.map((place) => ({
      name: `${place} gets the ${word} release`,
      inject: async ({ members }) => {
        const member = members.find(({ name }) => name === place);
        await member?.end();
        member?.becomes(program);
        await member?.start();
      },
    }));
  return [...change(PROGRAM, 'new'), ...change(previous, 'previous')];
}
