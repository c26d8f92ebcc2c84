import { type Config, ConfigError, readConfig } from '../../src/config.js';

/** One name of the contract: what it is without a value, what it takes as what, what it does not take. */
export interface Setting {
  readonly name: string;
  readonly read: (config: Config) => unknown;
  readonly fallback: unknown;
  readonly takes: readonly (readonly [text: string, value: unknown])[];
  readonly refuses: readonly string[];
  /** What else must be set for it to make sense. */
  readonly beside: Record<string, string>;
}

/** What `takes` lists is taken, what `refuses` lists is not. */
export function setting(
  name: string,
  read: Setting['read'],
  fallback: unknown,
  takes: Setting['takes'],
  refuses: readonly string[] = [],
  beside: Record<string, string> = {},
): Setting {
  return { name, read, fallback, takes, refuses, beside };
}

/** A whole number within limits. */
export function count(name: string, read: Setting['read'], fallback: number, min: number, max: number): Setting {
  const takes = [min, max].map((number) => [String(number), number] as const);
  return setting(name, read, fallback, takes, outside(min, max));
}

/** Whole seconds, kept as milliseconds. */
export function duration(name: string, read: Setting['read'], fallback: number, min: number, max: number): Setting {
  const takes = [min, max].map((seconds) => [String(seconds), seconds * 1000] as const);
  return setting(name, read, fallback * 1000, takes, outside(min, max));
}

function outside(min: number, max: number): string[] {
  return [String(min - 1), String(max + 1), `${min}.5`, 'many', '1e1', '0x10', '+5', ' 5', '5s', '9'.repeat(20)];
}

/** True or false. */
export function flag(name: string, read: Setting['read'], fallback: boolean, beside = {}): Setting {
  const takes = [
    ['true', true],
    ['TRUE', true],
    ['1', true],
    ['false', false],
    ['0', false],
  ] as const;
  return setting(name, read, fallback, takes, ['yes', 'on', '2', 'constructor'], beside);
}

/** Any text. */
export function words(name: string, read: Setting['read'], fallback: unknown, beside = {}): Setting {
  return setting(name, read, fallback, [['some words', 'some words']], [], beside);
}

/** All that is wrong with an environment; none where the service would start with it. */
export function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}
