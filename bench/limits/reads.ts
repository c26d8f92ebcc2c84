import { spreadOf } from '../statistics.js';
import type { LimitsDatabase } from './database.js';
import { anySend, type Built } from './forms.js';
import type { Row } from './tables.js';

const WINDOW_LIST = (
  [
    { scope: 'contact', name: 'phone', max: 5, secs: 600, own: true, unconfirmed: true },
    { scope: 'contact', name: 'phone', max: 10, secs: 86_400, own: true, unconfirmed: true },
    { scope: 'contact', name: 'phone', max: 20, secs: 86_400, own: false, unconfirmed: true },
    { scope: 'prefix', name: 'prefix', max: 50, secs: 3_600, own: false, unconfirmed: true },
  ] as const
).map((window, no) => ({ no, ...window }));
const WINDOWS = JSON.stringify(WINDOW_LIST);
/** The rows that were given and nothing else: what a statement has without limits too. */
const NOTHING = `SELECT g.n FROM json_to_recordset($1::json) AS g (n integer, contact_keys bigint[]) WHERE $2::text <> ''`;
const REPEATS = 20;

interface Asked {
  readonly text: string;
  readonly values: () => readonly string[];
}

/** What the early answer adds to a statement for so many codes, what counting at the claim takes, and how they read. */
export async function measureReads(
  database: LimitsDatabase,
  built: Built,
  rows: number,
  rounds: number,
): Promise<Row[]> {
  const table: Row[] = [];
  for (const codes of [1, 200]) {
    const statements: Record<string, Asked> = {
      'the rows alone': { text: NOTHING, values: () => [given(built, codes), WINDOWS] },
      'early answer': { text: built.sql.JUDGE.text, values: () => [given(built, codes), WINDOWS] },
      'count at the claim': { text: built.sql.USAGE.text, values: () => [questions(built, codes)] },
    };
    const times: Record<string, number[]> = {};
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, asked] of Object.entries(statements)) {
        (times[name] ??= []).push(await timeOf(database, `read_${name}`, asked));
      }
    }
    for (const [statement, asked] of Object.entries(statements)) {
      const { median, low, high } = spreadOf(times[statement] ?? []);
      const scans = await wholeTables(database, asked);
      table.push({ statement, 'rows there': rows, codes, 'median ms': median, low, high, 'whole tables': scans });
    }
  }
  return table;
}

/** Milliseconds, on one connection that has long prepared it. */
async function timeOf(database: LimitsDatabase, name: string, { text, values }: Asked): Promise<number> {
  const client = await database.pool.connect();
  try {
    const times: number[] = [];
    for (let n = 0; n < REPEATS; n += 1) {
      const all = [...values()];
      const began = performance.now();
      await client.query({ name, text, values: all });
      times.push(performance.now() - began);
    }
    return spreadOf(times).median;
  } finally {
    client.release();
  }
}

/** The tables that the plan reads from end to end, as the server plans it with the values and without them. */
async function wholeTables(database: LimitsDatabase, { text, values }: Asked): Promise<string> {
  const client = await database.pool.connect();
  try {
    const found: string[] = [];
    await client.query(`PREPARE explained AS ${text}`);
    for (const mode of ['custom', 'generic']) {
      await client.query(`SET plan_cache_mode = force_${mode}_plan`);
      const literals = values()
        .map((value) => client.escapeLiteral(value))
        .join(', ');
      const { rows } = await client.query(`EXPLAIN (ANALYZE, BUFFERS) EXECUTE explained (${literals})`);
      const plan = rows.map((row) => String(row['QUERY PLAN'])).join('\n');
      found.push(
        ...[...plan.matchAll(/Seq Scan on (limit_entry|agreement)\b/g)].map(([, table]) => `${table} (${mode})`),
      );
    }
    return [...new Set(found)].join(', ') || 'none';
  } finally {
    await client.query('DEALLOCATE explained; RESET plan_cache_mode').catch(() => undefined);
    client.release();
  }
}

function given(built: Built, codes: number): string {
  return JSON.stringify(
    Array.from({ length: codes }, (_, n) => {
      const { client, contact, country } = anySend();
      const keys = built.ring.of(contact?.reveal() ?? '', country, null);
      return { n, client, contact_keys: keys.contact, prefix_keys: keys.prefix, country, address_keys: [] };
    }),
  );
}

/** As a claim of so many sends asks, each of another phone. */
function questions(built: Built, sends: number): string {
  const asked = Array.from({ length: sends }, () => {
    const { contact, client } = anySend();
    const keys = built.ring.of(contact?.reveal() ?? '', null, null);
    return WINDOW_LIST.map(({ scope, secs, own }) => ({
      ...{ scope, secs, keys: keys[scope], country: null, client: own ? client : null, confirmations: true },
    }));
  });
  return JSON.stringify(asked.flat().map((question, id) => ({ id, ...question })));
}
