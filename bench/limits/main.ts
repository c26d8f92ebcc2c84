import { mkdir, writeFile } from 'node:fs/promises';
import { BenchPostgres } from '../postgres.js';
import { describe, settingOf } from '../results.js';
import { LimitsDatabase } from './database.js';
import { measureExactness, measureMeaning } from './exactness.js';
import { loadLimits } from './forms.js';
import { measureReads } from './reads.js';
import { measureCountry, measureSpeed } from './speed.js';
import { type Row, tableOf } from './tables.js';

const RESULTS = new URL('../../bench/results/', import.meta.url);
const ROWS = [0, 100_000, 1_000_000];
const QUICK_ROWS = [0, 100_000];

/** Compares the ways to count what is sent: whether they hold, how fast they are. */
export async function benchLimits({ quick, rounds }: { quick: boolean; rounds: number }): Promise<void> {
  const built = await loadLimits();
  await using ends = new AsyncDisposableStack();
  const postgres = ends.adopt(await BenchPostgres.start(undefined), (it) => it.stop());
  const database = ends.adopt(await LimitsDatabase.make(postgres, built), (it) => it.end());
  const tables: Record<string, Row[]> = {};
  const add = (name: string, rows: readonly Row[]): void => {
    (tables[name] ??= []).push(...rows);
    process.stderr.write(`${tableOf(rows)}\n\n`);
  };
  add('exactness', await measureExactness(database, built, rounds));
  add('meaning', await measureMeaning(database, built, rounds));
  for (const rows of quick ? QUICK_ROWS : ROWS) {
    await database.fill(rows);
    add('reads', await measureReads(database, built, rows, rounds));
    add('speed', await measureSpeed(database, built, rows, rounds));
    if (rows === 0) add('one prefix', await measureSpeed(database, built, rows, rounds, 1));
    else add('country', await measureCountry(database, built, rows, rounds));
  }
  const setting = settingOf(postgres.version, false);
  await mkdir(RESULTS, { recursive: true });
  await writeFile(new URL('limits.json', RESULTS), `${JSON.stringify({ setting, rounds, ...tables }, null, 2)}\n`);
  process.stdout.write([describe(setting), ...Object.values(tables).map(tableOf), ''].join('\n\n'));
}
