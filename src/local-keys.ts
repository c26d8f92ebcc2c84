import { createHash, randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The key of a machine that was given none: made once and kept in `dataDir`, so that codes survive a restart.
 * Its id is taken from the key itself: two machines with different keys can never mistake one for the other.
 * @param name the file's name below `dataDir`, readable by its owner only
 * @returns `id:base64` as in `OTP_KEYS`
 */
export function localKey(dataDir: string, name: string): string {
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, name);
  return readIfThere(file) ?? make(file);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Written beside and linked into place: of several processes that start together exactly one makes the key. */
function make(file: string): string {
  const key = randomBytes(32);
  const id = createHash('sha256').update(key).digest('hex').slice(0, 8);
  // Not by process id: in two containers on one volume that is the same.
  const draft = `${file}.${randomBytes(8).toString('hex')}`;
  writeFileSync(draft, `local-${id}:${key.toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
  return readFileSync(file, 'utf8').trim();
}
