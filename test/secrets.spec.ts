import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { runToEnd } from './support/program.js';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const SECRETLINT = join(PROJECT, 'node_modules/.bin/secretlint');

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agreement-secrets-'));
  await cp(join(PROJECT, '.secretlintrc.json'), join(folder, '.secretlintrc.json'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** Looks through a folder with this file in it as `npm run check:secrets` looks through the project. */
async function lookInto(name: string, text: string) {
  await writeFile(join(folder, name), `${text}\n`);
  const env = { NODE_PATH: join(PROJECT, 'scripts') };
  const { code, stdout } = await runToEnd(SECRETLINT, ['--no-color', '**/*'], folder, env);
  return { code, stdout };
}

const key = (): string => randomBytes(32).toString('base64');
const privateKey = (): string =>
  generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
const apiKey = (): string => `agr_${randomBytes(32).toString('base64url')}`;

it.each([
  ['an API key in prose', 'notes.md', () => `Take ${apiKey()} for now.`, 'API_KEY'],
  ['an API key in code', 'client.ts', () => `const KEY = '${apiKey()}';`, 'API_KEY'],
  ['a key of the codes', '.env', () => `OTP_KEYS=2026:${key()}`, 'KEY_RING'],
  ['a key of the contacts', 'compose.yml', () => `  CONTACT_KEYS: "a:${key()},b:${key()}"`, 'KEY_RING'],
  ['the second key of two', '.env', () => `OTP_KEYS=new:example,old:${key()}`, 'KEY_RING'],
  ['a password of the database', '.env', () => `DATABASE_URL=postgresql://app:${key().slice(0, 9)}@db/app`, 'Postgre'],
  ['a private key', 'key.pem', privateKey, 'PrivateKey'],
])('%s is found', async (_what, name, text, rule) => {
  expect(await lookInto(name, text())).toEqual({ code: 1, stdout: expect.stringContaining(rule) });
});

it.each([
  ['the hash of a key', '.env', `API_KEYS=shop:${randomBytes(32).toString('hex')}:create+confirm`],
  ['a placeholder', '.env', 'OTP_KEYS=2026:<32 random bytes in base64>\nKEY=agr_…'],
])('%s is none', async (_what, name, text) => {
  expect(await lookInto(name, text)).toEqual({ code: 0, stdout: '' });
});
