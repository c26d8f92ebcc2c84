import { readFileSync } from 'node:fs';

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads typed settings out of environment variables and collects every fault instead of stopping at the first one.
 * `NAME_FILE` stands for the content of that file (the convention of container secrets); an empty value is no value.
 * Faults name the variable and what is expected; they never hold the value, which may be a secret.
 */
export class Environment {
  readonly faults: string[] = [];
  readonly #variables: Variables;
  readonly #known = new Set<string>();

  constructor(variables: Variables) {
    this.#variables = variables;
  }

  /** Notes a fault of `name`; `expected` says what would be right. */
  fault(name: string, expected: string): void {
    this.faults.push(`${name}: ${expected}`);
  }

  text(name: string): string | undefined;
  text(name: string, fallback: string): string;
  text(name: string, fallback?: string): string | undefined {
    this.#known.add(name).add(`${name}_FILE`);
    const value = this.#variables[name] || undefined;
    const file = this.#variables[`${name}_FILE`] || undefined;
    if (value !== undefined && file !== undefined) {
      this.fault(name, `give ${name} or ${name}_FILE, not both`);
      return fallback;
    }
    if (file === undefined) return value ?? fallback;
    try {
      return readFileSync(file, 'utf8').replace(/\r?\n$/, '') || fallback;
    } catch (error) {
      this.fault(`${name}_FILE`, `the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
      return fallback;
    }
  }

  /** The text turned into something else; `parse` returns undefined where it does not fit `expected`. */
  parsed<T>(name: string, expected: string, parse: (text: string) => T | undefined): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value === undefined) this.fault(name, `must be ${expected}`);
    return value;
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const expected = `a whole number from ${min} to ${max}`;
    return (
      this.parsed(name, expected, (text) => {
        const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
        return value >= min && value <= max ? value : undefined;
      }) ?? fallback
    );
  }

  /** A duration given in whole seconds, returned in milliseconds. */
  seconds(name: string, fallback: number, min: number, max: number): number {
    return this.integer(name, fallback, min, max) * 1000;
  }

  flag(name: string, fallback: boolean): boolean {
    const words = new Map([
      ['true', true],
      ['1', true],
      ['false', false],
      ['0', false],
    ]);
    return this.parsed(name, 'true or false', (text) => words.get(text.toLowerCase())) ?? fallback;
  }

  choice<T extends string>(name: string, options: readonly T[], fallback: T): T;
  choice<T extends string>(name: string, options: readonly T[]): T | undefined;
  choice<T extends string>(name: string, options: readonly T[], fallback?: T): T | undefined {
    return (
      this.parsed(name, `one of ${options.join(', ')}`, (text) => options.find((option) => option === text)) ?? fallback
    );
  }

  /** Comma-separated entries, trimmed, each turned by `parse`; undefined where the variable is not set. */
  list<T>(name: string, expected: string, parse: (entry: string) => T | undefined): readonly T[] | undefined {
    return this.parsed(name, expected, (text) => {
      const entries = text.split(',').map((entry) => parse(entry.trim()));
      return entries.every((entry) => entry !== undefined) ? entries : undefined;
    });
  }

  url(name: string, protocols: readonly string[]): string | undefined {
    const expected = `a URL beginning with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
    return this.parsed(name, expected, (text) => {
      const url = URL.parse(text);
      return url && protocols.includes(url.protocol) ? text : undefined;
    });
  }

  /** Variables beginning with one of the prefixes that nothing has read: typing errors, most likely. */
  unread(prefixes: readonly string[]): string[] {
    return Object.keys(this.#variables).filter(
      (name) => this.#variables[name] && !this.#known.has(name) && prefixes.some((prefix) => name.startsWith(prefix)),
    );
  }
}
