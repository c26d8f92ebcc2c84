import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

/** What a command has done, for a person and for a script. */
export interface Answer {
  /** Lines for a terminal. */
  readonly text: string;
  /** What `--json` prints. */
  readonly data: unknown;
  /** Part of what was asked for could not be done: said on stderr, and the exit code is 1. */
  readonly failure?: string;
}

/** A command of an operator. @throws UsageError, NotThere, Unreachable; anything else is said in a line as well */
export type Command = (args: string[]) => Promise<Answer>;

/** The command was typed wrongly; exit code 2. */
export class UsageError extends Error {
  /** @param usage how it is typed, in a line */
  constructor(message: string, usage: string) {
    super(`${message}. Usage: ${usage}`);
  }
}

/** What was asked for is not there, or not in a state for it; exit code 1. */
export class NotThere extends Error {}

/** PostgreSQL or Kafka does not answer; exit code 3. */
export class Unreachable extends Error {}

/** How one subcommand is typed. */
export interface Usage<O extends ParseArgsOptionsConfig> {
  /** In a line, without the options that every command has. */
  readonly line: string;
  readonly options: O;
  /** The fewest and the most words. */
  readonly words: readonly [number, number];
}

/** The subcommand of a name. @param line how the command is typed @throws UsageError where there is none */
export function subcommandOf<S>(all: Readonly<Record<string, S>>, command: string, name: string, line: string): S {
  const found = Object.hasOwn(all, name) ? all[name] : undefined;
  if (found === undefined) {
    throw new UsageError(name ? `There is no '${command} ${name}'` : 'The command lacks a word', line);
  }
  return found;
}

/** The words and options of a subcommand. @throws UsageError where they do not fit */
export function readArgs<const O extends ParseArgsOptionsConfig>(args: string[], usage: Usage<O>) {
  const [fewest, most] = usage.words;
  const parsed = parse(args, usage);
  const { length } = parsed.positionals;
  if (length < fewest) throw new UsageError('Something is missing', usage.line);
  if (length > most) throw new UsageError(`'${parsed.positionals[most] ?? ''}' is too much`, usage.line);
  return parsed;
}

function parse<const O extends ParseArgsOptionsConfig>(args: string[], { line, options }: Usage<O>) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    // Its hints how to pass on what begins with a dash are longer than a line.
    throw new UsageError((error as Error).message.replace(/\. .*/s, ''), line);
  }
}

/** A count of what is to be listed. @throws UsageError where it is none */
export function readLimit(text: string, usage: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError('--limit must be a whole number from 1 to 999999', usage);
  return Number(text);
}

/** Text of somebody else's, without what a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => JSON.stringify(character).slice(1, -1));
}

/** `1 event`, `2 events`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
