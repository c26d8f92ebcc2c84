import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { localKey } from './local-keys.js';

/** Makes many keys, one after the other: whoever only reads catches up with whoever makes, so that both meet again. */
const NAMES = Array.from({ length: 200 }, (_, number) => `key-${number}`);
const MAKES_KEYS = `
  const { localKey } = await import(process.argv[1]);
  const [dataDir, ...names] = process.argv.slice(2);
  process.stdout.write(JSON.stringify(names.map((name) => localKey(dataDir, name))));
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agreement-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function keysMadeInAnotherProcess(): Promise<string[]> {
  const module = new URL('local-keys.ts', import.meta.url).href;
  const flags = ['--experimental-transform-types', '--no-warnings', '--input-type=module', '-e', MAKES_KEYS];
  const args = [...flags, module, folder, ...NAMES];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => void output.push(chunk));
  const [exitCode] = (await once(child, 'close')) as [number];
  expect(exitCode).toBe(0);
  return JSON.parse(Buffer.concat(output).toString()) as string[];
}

describe('the key of a machine', () => {
  it('is 32 random bytes with an id that is taken from them', () => {
    const [id = '', base64 = ''] = localKey(folder, 'otp-key').split(':');
    const key = Buffer.from(base64, 'base64');

    expect(key).toHaveLength(32);
    expect(id).toBe(`local-${createHash('sha256').update(key).digest('hex').slice(0, 8)}`);
  });

  it('is another one for another name and on another machine', () => {
    const elsewhere = join(folder, 'elsewhere');
    const keys = [localKey(folder, 'otp-key'), localKey(folder, 'contact-key'), localKey(elsewhere, 'otp-key')];

    expect(new Set(keys.map((key) => key.split(':')[0])).size).toBe(3);
    expect(new Set(keys.map((key) => key.split(':')[1])).size).toBe(3);
  });

  it('is the same ever after, and readable by its owner only', () => {
    const deeper = join(folder, 'not', 'there', 'yet');

    const key = localKey(deeper, 'otp-key');

    expect(localKey(deeper, 'otp-key')).toBe(key);
    expect(statSync(join(deeper, 'otp-key')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(deeper, 'otp-key'), 'utf8')).toBe(`${key}\n`);
    expect(readdirSync(deeper)).toEqual(['otp-key']);
  });

  it('is made once by processes that start together', async () => {
    const [first, ...others] = await Promise.all(Array.from({ length: 3 }, keysMadeInAnotherProcess));

    expect(others).toEqual([first, first]);
    expect(NAMES.map((name) => localKey(folder, name))).toEqual(first);
    expect(readdirSync(folder)).toHaveLength(NAMES.length);
  });

  it('is made although a crash has left a draft behind', () => {
    writeFileSync(join(folder, `otp-key.${process.pid}`), 'half of a k');
    chmodSync(join(folder, `otp-key.${process.pid}`), 0o644);

    const key = localKey(folder, 'otp-key');

    expect(key).toMatch(/^local-[0-9a-f]{8}:[A-Za-z0-9+/]{43}=$/);
    expect(statSync(join(folder, 'otp-key')).mode & 0o777).toBe(0o600);
  });

  it('is not made anew over a file that cannot be read as one', () => {
    expect(() => localKey(folder, '.')).toThrow('EISDIR');
  });
});
