import { createHmac, createSecretKey, hash, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ESLint } from 'eslint';
import type { CodeKeys } from '../../src/agreement/confirmation-code.js';
import { type Attack, unless } from './answers.js';
import type { Deployment } from './deployment.js';

const CODES = 100_000;
/** What χ² with 9 degrees of freedom exceeds once in 10⁹ by chance, and with 999 too. */
const TOO_UNEVEN = { digits: 60, thousands: 1300 };

/** 10⁵ codes of the built derivation are uniform, digit by digit and by the thousand, leading zeros among them. */
export const distribution: Attack = async ({ main }) => {
  const codes = await codesOf(main);
  const places = [0, 1, 2, 3, 4, 5].map((place) =>
    unevenness(
      codes.map((code) => Number(code[place])),
      10,
    ),
  );
  const thousands = unevenness(
    codes.map((code) => Math.floor(Number(code) / 1000)),
    1000,
  );
  const malformed = codes.filter((code) => !/^\d{6}$/.test(code)).length;
  const leading = codes.filter((code) => code.startsWith('0')).length;
  return [
    ...unless(codes.length === CODES, `${codes.length} codes were made`),
    ...unless(malformed === 0, `${malformed} of the codes are not six digits`),
    ...unless(leading > 0, 'no code begins with a zero'),
    ...places.flatMap((found, place) =>
      unless(found < TOO_UNEVEN.digits, `the digit ${place + 1} of the codes is uneven: χ² = ${Math.round(found)}`),
    ),
    ...unless(thousands < TOO_UNEVEN.thousands, `the codes are uneven: χ² = ${Math.round(thousands)} over 1000`),
  ];
};

async function codesOf(main: string): Promise<string[]> {
  const file = pathToFileURL(join(dirname(main), 'agreement/confirmation-code.js')).href;
  const built = (await import(file)) as { CodeKeys: typeof CodeKeys };
  const keys = new built.CodeKeys([{ id: 'k', secret: randomBytes(32) }], 6);
  const documentSha256 = randomBytes(32).toString('hex');
  return Array.from({ length: CODES }, (_, number) => {
    const subject = { reference: UNKNOWN, generation: 1 + (number % 5), documentSha256 };
    return keys.open(subject, keys.seal(subject, randomBytes(16))).reveal();
  });
}

const UNKNOWN = '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50';

/** Pearson's χ² against the same count in each class. */
function unevenness(values: readonly number[], classes: number): number {
  const counts = new Array<number>(classes).fill(0);
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  const expected = values.length / classes;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** Nothing of the service takes chance from where it can be guessed: the rule is on for every file, and nothing slips by. */
export const guessableRandom: Attack = async ({ main }) => {
  const eslint = new ESLint();
  const sources = filesIn('src', '.ts').filter((file) => !file.endsWith('.spec.ts'));
  const without = await Promise.all(
    sources.map(async (file) => ((await bansRandom(eslint, file)) ? [] : [`${file} may use Math.random`])),
  );
  const built = filesIn(dirname(main), '.js');
  const using = built.filter((file) => /Math\s*\.\s*random|Math\s*\[/.test(readFileSync(file, 'utf8')));
  return [
    ...without.flat(),
    ...using.map((file) => `${file.slice(dirname(main).length + 1)} takes Math.random`),
    ...unless(sources.length > 50 && built.length > 50, 'no sources were found: nothing was looked at'),
  ];
};

async function bansRandom(eslint: ESLint, file: string): Promise<boolean> {
  const { rules } = (await eslint.calculateConfigForFile(file)) as { rules: Record<string, unknown[]> };
  const [severity, ...banned] = rules['no-restricted-properties'] ?? [];
  const random = (banned as { object: string; property: string }[]).some(
    ({ object, property }) => object === 'Math' && property === 'random',
  );
  return severity === 2 && random;
}

function filesIn(folder: string, ending: string): string[] {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.name.endsWith(ending)).map((entry) => join(entry.parentPath, entry.name));
}

const ALL = 1_000_000;
const ALGORITHMS = ['md5', 'sha1', 'sha256', 'sha512'] as const;

/** What a stolen database says of one pending agreement, with the code that was sent for it. */
interface Stolen {
  readonly code: string;
  readonly hash: Buffer;
  readonly nonce: Buffer;
  /** Reference, generation and document in the widths that the sources of the service say. */
  readonly subject: Buffer;
  /** Every other thing in the dump that may have gone into the hash, in each form. */
  readonly parts: readonly Buffer[];
}

/**
 * A stolen database against 10⁶ tries: without the key no plain hash and no HMAC under anything that lies in the dump
 * gives the code away; with the key exactly one of all codes matches, which shows that the tries can see.
 */
export const stolenDump: Attack = async (deployment) => {
  const [one, other] = [await stolen(deployment), await stolen(deployment)];
  // A coincidence in one of so many constructions is possible, in both agreements it is not.
  const broken = CONSTRUCTIONS.flatMap(([name, build]) => {
    const found = one.parts.map((_, part) => part);
    return found
      .filter((part) => gives(build, one, part) && gives(build, other, part))
      .map((part) => `${name} ${part}`);
  });
  const key = compareKeyOf(deployment);
  const plain = matching(one, (guess) => hash('sha256', guess, 'buffer'));
  const withKey = matching(one, (guess) => createHmac('sha256', key).update(guess).digest());
  return [
    ...broken.map((name) => `the stored hash or the code is ${name} of the dump`),
    ...unless(plain.length === 0, `a plain hash gives the code in ${ALL} tries`),
    ...unless(
      withKey.length === 1 && withKey[0] === one.code,
      `with the key ${withKey.length} codes match: the tries see nothing`,
    ),
  ];
};

type Construction = (code: string, dump: Stolen, part?: Buffer) => Buffer;

/** Tried with the right code, which is what a search over all of them would come to, and with every part of the dump. */
const CONSTRUCTIONS: readonly (readonly [string, Construction])[] = ALGORITHMS.flatMap((algorithm) => {
  const plain = (...parts: (Buffer | string | undefined)[]): Buffer => hash(algorithm, joined(...parts), 'buffer');
  const keyed = (key: Buffer | undefined, ...parts: (Buffer | string)[]): Buffer =>
    createHmac(algorithm, key ?? '')
      .update(joined(...parts))
      .digest();
  const named = (name: string, build: Construction) => [`${algorithm} ${name} part`, build] as const;
  return [
    named('of the code and', (code, _, part) => plain(code, part)),
    named('with the code after', (code, _, part) => plain(part, code)),
    named('of subject, code and', (code, { subject }, part) => plain(subject, code, part)),
    named('of subject after', (code, { subject }, part) => plain(part, subject, code)),
    named('of nonce, code and', (code, { nonce }, part) => plain(nonce, code, part)),
    named('of nonce after', (code, { nonce }, part) => plain(part, nonce, code)),
    named('under', (code, _, part) => keyed(part, code)),
    named('of subject and code under', (code, { subject }, part) => keyed(part, subject, code)),
    named('of nonce and subject under', (_, { nonce, subject }, part) => keyed(part, nonce, subject)),
    named('of nonce and subject and', (_, { nonce, subject }, part) => plain(nonce, subject, part)),
  ];
});

/** Whether it gives the stored hash, whole or cut, or the digits of the code themselves. */
function gives(build: Construction, dump: Stolen, part: number): boolean {
  const built = build(dump.code, dump, dump.parts[part]);
  if (built.subarray(0, dump.hash.length).equals(dump.hash.subarray(0, built.length))) return true;
  return String(BigInt(`0x${built.toString('hex')}`) % BigInt(ALL)).padStart(6, '0') === dump.code;
}

/** Which of all codes, behind what the service puts before them, are hashed to what is stored. */
function matching({ subject, hash: stored }: Stolen, hashed: (guess: Buffer) => Buffer): string[] {
  const found: string[] = [];
  const guess = Buffer.concat([subject, Buffer.alloc(6)]);
  for (let number = 0; number < ALL; number += 1) {
    guess.write(String(number).padStart(6, '0'), subject.length, 'latin1');
    if (hashed(guess).equals(stored)) found.push(guess.toString('latin1', subject.length));
  }
  return found;
}

async function stolen(deployment: Deployment): Promise<Stolen> {
  const { reference, code } = await deployment.agreement();
  const [row = {}] = await deployment.database.query('SELECT * FROM agreement WHERE reference = $1', [reference]);
  const fingerprints = await deployment.database.query<{ fingerprint: Buffer }>(
    'SELECT fingerprint FROM key_fingerprint ORDER BY purpose, id',
  );
  const values = [...Object.values(row), ...fingerprints.map(({ fingerprint }) => fingerprint)];
  const generation = Buffer.alloc(4);
  generation.writeUInt32BE(Number(row['code_generation']));
  const uuid = Buffer.from(reference.replaceAll('-', ''), 'hex');
  const subject = Buffer.concat([uuid, generation, Buffer.from(String(row['document_sha256']), 'hex')]);
  const parts = [Buffer.alloc(0), uuid, subject, ...values.flatMap(formsOf)];
  return { code, hash: row['code_hash'] as Buffer, nonce: row['code_nonce'] as Buffer, subject, parts };
}

function formsOf(value: unknown): Buffer[] {
  if (Buffer.isBuffer(value)) return [value, Buffer.from(value.toString('hex')), Buffer.from(value.toString('base64'))];
  if (value instanceof Date) return [Buffer.from(value.toISOString())];
  return value === null ? [] : [Buffer.from(typeof value === 'object' ? JSON.stringify(value) : String(value))];
}

function joined(...parts: (Buffer | string | undefined)[]): Buffer {
  return Buffer.concat(parts.map((part) => Buffer.from(part ?? '')));
}

/** The key that the service compares with, made of OTP_KEYS as the sources say. */
function compareKeyOf({ environment }: Deployment): KeyObject {
  const secret = Buffer.from(environment['OTP_KEYS']?.split(':')[1] ?? '', 'base64');
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'agreement code: compare', 32)));
}
