import { inspect } from 'node:util';

/**
 * A value that must not be printed: every way of turning it into text gives `[secret]`, or what may be shown of it. So
 * keys, codes and contacts are carried; two of them are compared by what they reveal, never as they are.
 */
export class Secret<T> {
  readonly #value: T;
  readonly #shown: string;

  /** @param shown what may be read by anybody, such as a masked phone number */
  constructor(value: T, shown = '[secret]') {
    this.#value = value;
    this.#shown = shown;
  }

  /** The value itself; call it where it is used, not where it is carried. */
  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return this.#shown;
  }

  toJSON(): string {
    return this.#shown;
  }

  [inspect.custom](): string {
    return this.#shown;
  }
}
