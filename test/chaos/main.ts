import { randomInt } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CALM, DEATHS, type Fault, FAULTS } from './faults.js';
import { buildMutant } from './mutations.js';
import type { Random } from './random.js';
import { buildRelease, changesOfRelease, NOT_YET_PROMISED, PREVIOUS } from './releases.js';
import { CHAINS } from './sms.js';
import { type Outcome, run } from './storm.js';
import { PROGRAM } from './world.js';

const USAGE = `npm run chaos -- [--seed N] [--duration SECONDS] [--every SECONDS] [--rate PER_SECOND] [--patience SECONDS]
                 [--faults storm|deaths|releases|none|PART_OF_A_NAME] [--part N/M] [--sms ${CHAINS.join('|')}]
                 [--no-receipts] [--spare] [--mutation NAME]`;

const tell = (line: string): void => void process.stdout.write(`${line}\n`);

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(randomInt(1_000_000)) },
    duration: { type: 'string', default: '120' },
    every: { type: 'string', default: '5' },
    rate: { type: 'string', default: '20' },
    // The longest wait is for the lease of a send that a killed worker had in hand; the safety net comes only after 60 s.
    patience: { type: 'string', default: '55' },
    faults: { type: 'string', default: 'storm' },
    // Of the deaths: those of so many parts that a run each can have.
    part: { type: 'string', default: '1/1' },
    sms: { type: 'string', default: 'http' },
    'no-receipts': { type: 'boolean', default: false },
    spare: { type: 'boolean', default: false },
    mutation: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

/** Each of a list once, in order; or whatever comes of what the kind names, until the time is over. */
function faultsFor(
  { faults: kind, part }: { faults: string; part: string },
  duration: number,
  program: string,
): (random: Random, elapsed: number) => Fault | undefined {
  const [number = 1, parts = 1] = part.split('/').map(Number);
  const deaths = DEATHS.filter((_, index) => index % parts === number - 1);
  const once = { deaths, releases: changesOfRelease(program) }[kind];
  if (once) return () => once.shift();
  if (kind === 'none') return (_, elapsed) => (elapsed < duration ? CALM : undefined);
  const named = kind === 'storm' ? FAULTS : FAULTS.filter(({ name }) => name.includes(kind));
  return (random, elapsed) => (elapsed < duration ? random.of(named) : undefined);
}

/** What every place starts with. */
function startsWith({ faults, mutation }: { faults: string; mutation?: string | undefined }): Promise<string> {
  if (mutation) return buildMutant(mutation);
  return faults === 'releases' ? buildRelease(PREVIOUS) : Promise.resolve(PROGRAM);
}

/** What was built for this run alone. */
async function forget(program: string): Promise<void> {
  if (program !== PROGRAM) await rm(join(program, '../..'), { recursive: true, force: true });
}

function report(
  { answers, deadLetters, settled, footprints, ...outcome }: Outcome,
  unasked: readonly string[],
): boolean {
  const verdicts = outcome.verdicts.filter(({ id }) => !unasked.includes(id));
  tell('');
  tell(`answers to create: ${[...answers].map(([status, count]) => `${status || 'none'} × ${count}`).join(', ')}`);
  tell(`dead letters: ${deadLetters}; at rest ${settled.toFixed(1)} s after the last fault`);
  for (const { name, megabytes, handles } of footprints.before) {
    const after = footprints.after.find((other) => other.name === name);
    tell(`${name}: ${megabytes} → ${after?.megabytes ?? '?'} MB, ${handles} → ${after?.handles ?? '?'} handles`);
  }
  tell('');
  for (const { id, promise, checked, violations } of verdicts) {
    tell(
      `${id}  ${violations.length === 0 ? 'holds ' : 'BROKEN'}  ${promise}; ${checked} looked at, ${violations.length} broken`,
    );
    for (const violation of violations.slice(0, 5)) tell(`      ${violation}`);
  }
  return verdicts.every(({ violations }) => violations.length === 0);
}

if (values.help) {
  tell(USAGE);
} else {
  const [seed = 0, duration = 0, every = 1, rate = 1, patience = 1] = [
    ...[values.seed, values.duration, values.every, values.rate, values.patience].map(Number),
  ];
  if (![seed, duration, every, rate, patience].every((number) => Number.isFinite(number))) throw new Error(USAGE);
  tell(`seed ${seed}${values.mutation ? `, mutation: ${values.mutation}` : ''}`);
  const program = await startsWith(values);
  const next = faultsFor(values, duration, program);
  const chain = CHAINS.find((known) => known === values.sms);
  if (!chain) throw new Error(USAGE);
  const told = { chain, receipts: !values['no-receipts'] };
  const storm = { seed, program, rate, every, patience, next, spares: values.spare, ...told };
  const outcome = await run(storm, tell).finally(() => forget(program));
  const unasked = values.faults === 'releases' ? NOT_YET_PROMISED : [];
  if (!report(outcome, unasked)) {
    const given = process.argv.slice(2).map((word) => (word.includes(' ') ? `'${word}'` : word));
    const seeded = given.includes('--seed') ? given : [...given, '--seed', String(seed)];
    tell(`\nTo see it again: npm run chaos -- ${seeded.join(' ')}`);
    process.exitCode = 1;
  }
}
