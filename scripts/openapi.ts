// Writes docs/openapi.json, or the file that is named, from the built service: `npm run openapi`. What would break a
// caller is not written.
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { breakingChanges, type OpenApi } from './api-changes.js';

const DOCUMENT = fileURLToPath(new URL('../docs/openapi.json', import.meta.url));
const [, , file = DOCUMENT] = process.argv;

/** @returns the document of the built service */
async function describe(): Promise<OpenApi> {
  const built = (name: string): Promise<unknown> => import(new URL(`../dist/${name}.js`, import.meta.url).href);
  const { describeApi } = (await built('openapi')) as typeof import('../src/openapi.js');
  const { readConfig } = (await built('config')) as typeof import('../src/config.js');
  const { createLogger } = (await built('logger')) as typeof import('../src/logger.js');
  const key = `unused:${randomBytes(32).toString('base64')}`;
  return describeApi(readConfig({ OTP_KEYS: key, CONTACT_KEYS: key }), createLogger('silent'));
}

const described = await describe();
const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as OpenApi) : described;
const broken = breakingChanges(known, described);
if (broken.length > 0) {
  process.stderr.write(`${file} stays as it is: callers rely on what has changed.\n`);
  process.stderr.write(broken.map((change) => `  ${change}\n`).join(''));
  process.stderr.write('Keep the old form working, and propose the change in an ADR.\n');
  process.exitCode = 1;
} else {
  const style = await resolveConfig(DOCUMENT);
  writeFileSync(file, await format(JSON.stringify(described), { ...style, parser: 'json' }));
}
