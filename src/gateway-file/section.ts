import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml';

/** What is wrong in a file, by line. */
export interface FileFault {
  /** From 1. */
  readonly line: number;
  /** Names keys, never values. */
  readonly message: string;
}

/** The faults of one file, found in whatever order. */
export class FileFaults {
  readonly #found: FileFault[] = [];

  constructor(private readonly lines: LineCounter) {}

  /** @param where the offset in the text, or a node of it */
  add(where: Node | number | undefined, message: string): void {
    const offset = typeof where === 'number' ? where : (where?.range?.[0] ?? 0);
    this.#found.push({ line: Math.max(1, this.lines.linePos(offset).line), message });
  }

  /** By line. */
  get all(): readonly FileFault[] {
    return this.#found.toSorted((a, b) => a.line - b.line);
  }
}

/** A mapping of the file that is read key by key; a key that nobody asked for is a fault. */
export class Section {
  readonly #pairs = new Map<string, { readonly key: Node; readonly value: Node | null }>();
  readonly #asked = new Set<string>();

  /** @param path how its keys are called in a fault: `request.` */
  constructor(
    readonly map: YAMLMap,
    readonly path: string,
    readonly faults: FileFaults,
  ) {
    for (const { key, value } of map.items as Pair<Node, Node | null>[]) {
      const name = textOf(key);
      if (name === undefined) faults.add(key, `${path || 'the file'}: a key must be a word`);
      else this.#pairs.set(name, { key, value });
    }
  }

  /** All keys with their values, as they stand. */
  entries(): [string, Node, Node | null][] {
    return [...this.#pairs].map(([name, { key, value }]) => {
      this.#asked.add(name);
      return [name, key, value];
    });
  }

  get(key: string): Node | undefined {
    this.#asked.add(key);
    const pair = this.#pairs.get(key);
    if (pair && !pair.value) this.fault(key, 'has no value');
    return pair?.value ?? undefined;
  }

  has(key: string): boolean {
    return this.#pairs.has(key);
  }

  /** A fault of a key, by the line of the key; of what is missing, by that of the mapping. */
  fault(key: string, message: string): void {
    this.faults.add(this.#pairs.get(key)?.key ?? this.map, `${this.path}${key} ${message}`);
  }

  text(key: string): string | undefined {
    const node = this.get(key);
    if (!node) return undefined;
    const text = textOf(node);
    if (text === undefined) this.fault(key, `must be a text${looksLikeBraces(node)}`);
    return text;
  }

  choice<T extends string>(key: string, options: readonly T[]): T | undefined {
    const text = this.text(key);
    const option = options.find((one) => one === text);
    if (text !== undefined && option === undefined) this.fault(key, `must be one of ${options.join(', ')}`);
    return option;
  }

  flag(key: string): boolean | undefined {
    const node = this.get(key);
    if (!node) return undefined;
    if (isScalar(node) && typeof node.value === 'boolean') return node.value;
    this.fault(key, 'must be true or false');
    return undefined;
  }

  /** A list, or one for itself. */
  texts(key: string): readonly string[] | undefined {
    const node = this.get(key);
    if (!node) return undefined;
    const texts = (isSeq(node) ? (node.items as Node[]) : [node]).map(textOf);
    const known = texts.filter((text) => text !== undefined);
    if (known.length === texts.length && known.length > 0) return known;
    this.fault(key, `must be a text or a list of texts${looksLikeBraces(node)}`);
    return undefined;
  }

  section(key: string): Section | undefined {
    const node = this.get(key);
    if (!node) return undefined;
    if (isMap(node)) return new Section(node, `${this.path}${key}.`, this.faults);
    this.fault(key, 'must be a mapping of keys to values');
    return undefined;
  }

  /** To be called when all keys have been asked for. */
  close(): void {
    const known = [...this.#asked].join(', ');
    for (const [name, { key }] of this.#pairs) {
      if (!this.#asked.has(name)) this.faults.add(key, `${this.path}${name} is not known here; known are ${known}`);
    }
  }
}

/** The text of a scalar as it was written; undefined where it is none, or empty. */
export function textOf(node: unknown): string | undefined {
  if (!isScalar(node) || node.value === null) return undefined;
  return typeof node.value === 'string' ? node.value : node.source;
}

/** `{to}` without quotes is a mapping to YAML. */
export function looksLikeBraces(node: Node): string {
  return isMap(node) && node.flow ? `; put what has braces in quotes, such as '{to}'` : '';
}

const WRONG_YAML: Readonly<Partial<Record<string, string>>> = {
  DUPLICATE_KEY: 'this key stands twice',
  MULTIPLE_DOCS: 'a second document begins here; the file must hold one',
};

/** More is no description of a gateway. */
const LONGEST = 256 * 1024;

/**
 * Parses YAML 1.2, of which JSON is a part.
 * @returns the outermost mapping, undefined where there is none; the faults say why
 */
export function parseSection(text: string): { root: Section | undefined; faults: FileFaults } {
  const lineCounter = new LineCounter();
  const faults = new FileFaults(lineCounter);
  if (text.length > LONGEST) {
    faults.add(0, `the file is longer than ${LONGEST} characters`);
    return { root: undefined, faults };
  }
  try {
    const options = {
      lineCounter,
      prettyErrors: false,
      stringKeys: false,
      version: '1.2',
      // With 'silent' all documents but the first are passed over.
      logLevel: 'error',
    } as const;
    const document = parseDocument(text, options);
    for (const { code, pos } of [...document.errors, ...document.warnings]) {
      faults.add(pos[0], WRONG_YAML[code] ?? `this is not the YAML expected here (${code})`);
    }
    const { contents } = document;
    if (faults.all.length > 0) return { root: undefined, faults };
    if (isMap(contents)) return { root: new Section(contents, '', faults), faults };
    faults.add(0, 'the file must be a mapping of keys to values');
  } catch {
    faults.add(0, 'the file is nested too deeply');
  }
  return { root: undefined, faults };
}
