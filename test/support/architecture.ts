import { execFile } from 'node:child_process';
import { appendFile, cp, mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project itself. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const NOT_COPIED = new Set(['node_modules', '.git', 'dist', '.data', 'coverage', '.test-results']);

/** A file that breaks a rule. */
export interface Plant {
  readonly file: string;
  readonly text: string;
  /** The file that imports it, so that it is not an orphan as well. */
  readonly from?: string;
}

/** What the dependency check says: which rules there are, what it saw, and what it reports of a file. */
export interface Cruise {
  readonly rules: readonly string[];
  readonly files: readonly string[];
  readonly violations: readonly string[];
  rulesBrokenBy(file: string): string[];
}

/** A copy of the project in a temporary folder, with these files added. The caller removes it. */
export async function copyWith(plants: readonly Plant[]): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'agreement-architecture-'));
  await cp(ROOT, copy, { recursive: true, filter: (source) => !NOT_COPIED.has(basename(source)) });
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  for (const { file, text, from } of plants) {
    await mkdir(dirname(join(copy, file)), { recursive: true });
    await writeFile(join(copy, file), text);
    if (from) await appendFile(join(copy, from), `import '${specifier(from, file)}';\n`);
  }
  return copy;
}

function specifier(from: string, file: string): string {
  const path = relative(dirname(from), file).replace(/\.ts$/, '.js');
  return path.startsWith('.') ? path : `./${path}`;
}

interface CruiseResult {
  readonly modules: { source: string }[];
  readonly summary: {
    readonly violations: { from: string; to: string; rule: { name: string } }[];
    readonly ruleSetUsed: { forbidden: { name: string }[] };
  };
}

/** `npm run check:architecture` in a folder. */
export async function cruise(folder: string): Promise<Cruise> {
  const output = await run(folder, 'npm', ['run', '--silent', 'check:architecture', '--', '--output-type', 'json']);
  const { modules, summary } = JSON.parse(output.stdout) as CruiseResult;
  return {
    rules: summary.ruleSetUsed.forbidden.map(({ name }) => name),
    files: modules.map(({ source }) => source),
    violations: summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`),
    rulesBrokenBy: (file) => [
      ...new Set(
        summary.violations.filter(({ from, to }) => from === file || to === file).map(({ rule }) => rule.name),
      ),
    ],
  };
}

/** `npm run check:folders` in a folder: the lines of its complaint. */
export async function checkFolders(folder: string): Promise<string[]> {
  const { stderr } = await run(folder, 'npm', ['run', '--silent', 'check:folders']);
  return stderr.split('\n').filter((line) => line !== '');
}

/** The rules of ESLint that each of these files breaks, once each. */
export async function lint(folder: string, files: readonly string[]): Promise<ReadonlyMap<string, string[]>> {
  const { stdout } = await run(folder, process.execPath, ['node_modules/.bin/eslint', '--format', 'json', ...files]);
  const results = JSON.parse(stdout) as { filePath: string; messages: { ruleId: string | null; message: string }[] }[];
  return new Map(
    results.map(({ filePath, messages }) => [
      relative(folder, filePath),
      [...new Set(messages.map(({ ruleId, message }) => ruleId ?? message))],
    ]),
  );
}

/** A check that complains ends with a code of its own; what it wrote counts. */
async function run(cwd: string, command: string, args: string[]): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd, maxBuffer: 64 * 1024 * 1024 }, (_error, stdout, stderr) => {
      resolve({ stdout, stderr });
    });
  });
}
