import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import dockerignore from '@balena/dockerignore';
import { DCLinter } from 'dclint';
import { DockerfileParser, type Instruction } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** A file of the project. @param path below its root */
export function read(path: string): string {
  return readFileSync(join(PROJECT, path), 'utf8');
}

/** The files in a folder of the project, each by its path below the project's root. */
export function filesIn(folder: string): string[] {
  const entries = readdirSync(join(PROJECT, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(PROJECT.length));
}

/** Which of these paths below the project's root a build of the image is given. */
export function inBuildContext(paths: readonly string[]): string[] {
  return dockerignore
    .default()
    .add(read('.dockerignore').split('\n'))
    .filter([...paths]);
}

/** A stage of a Dockerfile: on which image it is built in the end, and what is done, in the stages below it first. */
export interface Stage {
  readonly image: string;
  readonly instructions: readonly Instruction[];
}

/** The stages of a Dockerfile by their names, in their order. */
export function stagesOf(dockerfile: string): Map<string, Stage> {
  const stages = new Map<string, Stage>();
  let current = '';
  for (const instruction of DockerfileParser.parse(dockerfile).getInstructions()) {
    const words = instruction.getArguments().map((argument) => argument.getValue());
    if (instruction.getKeyword() === 'FROM') {
      const [from = '', , name = ''] = words;
      current = name;
      stages.set(name, stages.get(from) ?? { image: from, instructions: [] });
    } else {
      const { image, instructions } = stages.get(current) ?? { image: '', instructions: [] };
      stages.set(current, { image, instructions: [...instructions, instruction] });
    }
  }
  return stages;
}

/** The arguments of a stage's last instruction of a kind, as one text; undefined where there is none. */
export function lastOf(stage: Stage | undefined, keyword: string): string | undefined {
  const found = stage?.instructions.findLast((instruction) => instruction.getKeyword() === keyword);
  return found?.getArgumentsContent() ?? undefined;
}

/** What the Dockerfile's linter has to say. */
export function lintDockerfile(text: string): string[] {
  return validate(text).map(({ range, message }) => `line ${String(range.start.line + 1)}: ${message}`);
}

/** Rules of the compose linter that do not hold here. */
const COMPOSE_RULES = {
  // The order is the one in which things start, and within a service what belongs together stands together.
  'services-alphabetical-order': 0,
  'service-keys-order': 0,
  'service-dependencies-alphabetical-order': 0,
  // The anchors come before what uses them, in the order in which they are read.
  'top-level-properties-order': 0,
} as const;

/** Its own types import each other without file endings, which "nodenext" does not follow. */
interface ComposeLinter {
  lintFiles(
    paths: string[],
    recursive: boolean,
  ): readonly { readonly messages: readonly { line: number; rule: string; message: string }[] }[];
}

/** What the compose linter has to say, the official schema of compose files among its rules. */
export async function lintCompose(text: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'compose-'));
  try {
    const file = join(folder, 'docker-compose.yml');
    await writeFile(file, text);
    const linter = new DCLinter({ rules: COMPOSE_RULES, quiet: false, debug: false, exclude: [] }) as ComposeLinter;
    const messages = linter.lintFiles([file], false).flatMap((result) => result.messages);
    return messages.map(({ line, rule, message }) => `line ${String(line)}: ${rule}: ${message}`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A service of a compose file, as far as the tests ask. */
export interface ComposeService {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly restart: string;
  readonly stop_grace_period: string;
}

/** The services of a compose file, with the values that hold where no variable is set. */
export function composeServices(text: string): Record<string, ComposeService> {
  const filledIn = text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');
  const { services } = parse(filledIn, { merge: true }) as { services: Record<string, { environment: object }> };
  // Compose hands every value on as a text, also what YAML takes for a number or a truth.
  const texts = (values: object) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
  const withTexts = Object.entries(services).map(([name, service]) => [
    name,
    { ...service, environment: texts(service.environment) },
  ]);
  return Object.fromEntries(withTexts) as Record<string, ComposeService>;
}

/** A setting of `.env.example`. */
export interface ExampleSetting {
  readonly name: string;
  readonly commentedOut: boolean;
  /** The line above it. */
  readonly comment: string;
}

/** The settings of `.env.example`, in their order. */
export function exampleSettings(): ExampleSetting[] {
  const lines = read('.env.example').split('\n');
  return lines.flatMap((line, index) => {
    const [, sign, name] = /^(#?)([A-Z][A-Z0-9_]*)=/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, commentedOut: sign === '#', comment: lines[index - 1] ?? '' }];
  });
}

/** Runs a command to its end; gives its exit code. */
export async function exitCodeOf(
  [file = '', ...args]: readonly string[],
  env: Record<string, string>,
): Promise<unknown> {
  const child = spawn(file, args, { env: { PATH: process.env['PATH'], ...env }, stdio: 'ignore' });
  const [code] = (await once(child, 'close')) as unknown[];
  return code;
}
