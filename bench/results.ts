import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import type { Result } from './workload.js';

/** The machine and the versions, as far as they matter to the figures. */
export interface Setting {
  readonly cores: number;
  readonly processor: string;
  readonly pinned: boolean;
  readonly node: string;
  readonly postgres: string;
}

/** One run of one workload. */
export interface Run {
  readonly title: string;
  /** ISO 8601. */
  readonly when: string;
  readonly quick: boolean;
  readonly setting: Setting;
  readonly result: Result;
}

/** The last run of each workload, by its name. */
export type Runs = Readonly<Record<string, Run>>;

const FOLDER = new URL('../bench/results/', import.meta.url);
const LATEST = new URL('latest.json', FOLDER);

export function settingOf(postgres: string, pinned: boolean): Setting {
  const processors = cpus();
  const processor = processors[0]?.model ?? 'unknown';
  return { cores: processors.length, processor, pinned, node: process.version, postgres };
}

/** One line about the machine. */
export function describe({ cores, processor, pinned, node, postgres }: Setting): string {
  return `${cores} cores (${processor}), ${pinned ? 'pinned' : 'not pinned'}, Node ${node}, PostgreSQL ${postgres}`;
}

/** What was measured last; nothing where there is no file yet. */
export async function readRuns(): Promise<Runs> {
  const text = await readFile(LATEST, 'utf8').catch(() => undefined);
  return text === undefined ? {} : (JSON.parse(text) as Runs);
}

/** Puts a run in the place of the last one of its workload; the others stay as they are. */
export async function keepRun(name: string, run: Run): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  await writeFile(LATEST, `${JSON.stringify({ ...(await readRuns()), [name]: run }, null, 2)}\n`);
}
