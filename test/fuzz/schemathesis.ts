import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const HERE = dirname(fileURLToPath(import.meta.url));
const REQUIREMENTS = join(HERE, 'requirements.txt');
const OLDEST_PYTHON = 11;
const DOWNLOAD_WITHIN = 300_000;
const RUNS_AT_MOST = 250_000;
const INVALID_BODIES = 'invalid bodies';

/** What schemathesis has said. */
export interface Verdict {
  /** 0: nothing found; 1: something. */
  readonly exitCode: number;
  readonly output: string;
  /** How many operations of the document it has called. */
  readonly operations: number;
  /** How many requests it has made up. */
  readonly cases: number;
}

/** What is fuzzed, and how. */
export interface Fuzzing {
  /** Of the service: its document is at `/docs-json`. */
  readonly url: string;
  readonly seed: number;
  readonly maxExamples: number;
  /** None: every request goes without. */
  readonly key?: string;
  /** What requests name now and then in place of a reference that nobody has; a single one: what every request names. */
  readonly references: readonly string[];
  /** By the ways in which it makes data up: examples, coverage (of the edges of schemas), fuzzing, stateful. */
  readonly phases?: string;
  /** The id of an operation, or confirmations whose body could not confirm anything. */
  readonly only?: string;
}

/**
 * Brings schemathesis into the user's cache folder, at first use: a virtual environment with exactly what
 * requirements.txt names (20 MB).
 * @returns its Python, or the reason why there is none
 */
export async function bringSchemathesis(): Promise<{ readonly python: string } | { readonly missing: string }> {
  const version = await run('python3', ['--version']).catch(() => ({ stdout: '' }));
  const minor = Number(/^Python 3\.(\d+)/.exec(version.stdout)?.[1] ?? 0);
  if (minor < OLDEST_PYTHON) return { missing: `there is no Python 3.${OLDEST_PYTHON} or newer` };
  const pins = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 8);
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const place = join(cache, 'agreement-service', `schemathesis-${pins}-python-3.${minor}`);
  try {
    if (!existsSync(place)) await install(place);
  } catch (error) {
    const [reason = ''] = ((error as { stderr?: string }).stderr || String(error)).trim().split('\n').slice(-1);
    return { missing: `schemathesis cannot be installed: ${reason}` };
  }
  return { python: join(place, 'bin/python') };
}

/** Several runs may do this at once: each installs into a folder of its own, and the first rename wins. */
async function install(place: string): Promise<void> {
  await mkdir(dirname(place), { recursive: true });
  const folder = await mkdtemp(`${place}.partial-`);
  try {
    await run('python3', ['-m', 'venv', folder]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--require-hashes', '--only-binary=:all:', '-r', REQUIREMENTS];
    await run(join(folder, 'bin/python'), pip, { timeout: DOWNLOAD_WITHIN });
    await rename(folder, place).catch((error: unknown) => {
      if (!existsSync(place)) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Fuzzes a running service from the document that it serves. */
export async function fuzz(fuzzing: Fuzzing): Promise<Verdict> {
  const python = process.env['TEST_SCHEMATHESIS_PYTHON'];
  if (!python) throw new Error(`there is no fuzzer: ${process.env['TEST_SCHEMATHESIS_MISSING']}`);
  const folder = await mkdtemp(join(tmpdir(), 'agreement-fuzz-'));
  try {
    await writeFile(join(folder, 'schemathesis.toml'), configurationOf(fuzzing));
    const env = {
      PATH: process.env['PATH'],
      HOME: folder,
      SCHEMATHESIS_HOOKS: join(HERE, 'hooks.py'),
      PYTHONDONTWRITEBYTECODE: '1',
      ...(fuzzing.key === undefined ? {} : { FUZZ_KEY: fuzzing.key }),
      ...(fuzzing.only === INVALID_BODIES ? { FUZZ_ONLY_INVALID_BODIES: 'yes' } : {}),
    };
    return await verdictOf(python, argumentsOf(fuzzing), { cwd: folder, env });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function argumentsOf({ url, seed, maxExamples, phases, only }: Fuzzing): string[] {
  const invalid = ['--mode', 'negative', '--phases', 'coverage,fuzzing', '--include-operation-id', 'confirmAgreement'];
  const one = only === undefined ? [] : ['--include-operation-id', only];
  return [
    ...['run', `${url}/docs-json`, '--checks', 'all', '--seed', String(seed), '--max-examples', String(maxExamples)],
    // More workers would take the requests out of order, so that a seed would not give the same run again.
    ...['--workers', '1', '--no-color', '--continue-on-failure', '--generation-database', 'none'],
    // They judge how fast data are made, which is a matter of the machine.
    ...['--suppress-health-check', 'all', '--request-timeout', '20'],
    ...(only === INVALID_BODIES ? invalid : one),
    ...(phases === undefined ? [] : ['--phases', phases]),
  ];
}

/** Statuses are judged more finely by hooks.py: what a code or a phone number says is not a matter of the schema. */
function configurationOf({ key, references }: Fuzzing): string {
  const lines = [
    '[cache]\nenabled = false',
    '[checks.positive_data_acceptance]\nexpected-statuses = ["2xx", 401, 403, 404, 409, 410, 422, 429]',
    ...(key === undefined ? [] : ['[auth.openapi.bearer]\nbearer = "${FUZZ_KEY}"']),
  ];
  if (references.length === 1) lines.push(`[parameters]\n"path.reference" = "${references[0]}"`);
  else {
    lines.push(`[dictionaries.references]\nvalues = ${JSON.stringify(references)}`);
    lines.push(`[dictionaries.phones]\nvalues = ${JSON.stringify(PHONES)}`);
    lines.push('[parameters]\n"path.reference" = { dictionary = "references", probability = 0.7 }');
    lines.push('"body.phone" = { dictionary = "phones", probability = 0.7 }');
  }
  return `${lines.join('\n')}\n`;
}

/** Numbers that may be texted, far enough from each other for the limit of a prefix. */
const PHONES = Array.from({ length: 100 }, (_, index) => `+7916${String(index * 99_991).padStart(7, '0')}`);

async function verdictOf(python: string, args: string[], options: object): Promise<Verdict> {
  const finished = await run(python, ['-m', 'schemathesis.cli', ...args], {
    ...options,
    timeout: RUNS_AT_MOST,
    maxBuffer: 64 * 1024 * 1024,
  }).then(
    ({ stdout, stderr }) => ({ exitCode: 0, output: stdout + stderr }),
    (error: unknown) => {
      const { code, stdout, stderr } = error as { code?: unknown; stdout: string; stderr: string };
      return { exitCode: typeof code === 'number' ? code : -1, output: stdout + stderr };
    },
  );
  const count = (pattern: RegExp) => Number(pattern.exec(finished.output)?.[1] ?? 0);
  return { ...finished, operations: count(/^ *Tested: (\d+)$/m), cases: count(/^ *(\d+) generated/m) };
}
