import { percentile, spreadOf } from '../statistics.js';
import type { LimitsDatabase } from './database.js';
import { anySend, type Built, type Form, library, limitsOf, ours, PREFIXES } from './forms.js';
import type { Row } from './tables.js';

/** The windows of the service's defaults, each with room for everything. */
const ROOMY = limitsOf({
  phone: [
    { max: 1_000_000, within: 600_000 },
    { max: 1_000_000, within: 86_400_000 },
  ],
  phoneAll: [{ max: 1_000_000, within: 86_400_000 }],
  prefix: [{ max: 1_000_000, within: 3_600_000 }],
});

/** Sends in one claim, and how many such claims a round has. */
const BATCHES = [
  [1, 200],
  [10, 60],
  [100, 16],
] as const;

interface Taken {
  readonly perSecond: number;
  /** Milliseconds of each claim, sorted. */
  readonly claims: readonly number[];
}

/** Sends let through per second by two workers at once, and how long a claim takes, with so many rows there already. */
export async function measureSpeed(
  database: LimitsDatabase,
  built: Built,
  rows: number,
  rounds: number,
  prefixes = PREFIXES,
): Promise<Row[]> {
  const forms = [ours, library].map((make) => database.pools.map((pool) => make(built, pool, ROOMY)));
  const table: Row[] = [];
  for (const [batch, claims] of BATCHES) {
    const taken = forms.map((): Taken[] => []);
    for (let round = 0; round <= rounds; round += 1) {
      for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const result = await takeAll(database, forms[at]!, batch, claims, prefixes);
        if (round > 0) taken[at]!.push(result);
      }
    }
    const [own = [], other = []] = taken;
    const ratio = spreadOf(own.map(({ perSecond }, round) => perSecond / other[round]!.perSecond));
    const against = `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)} … ${ratio.high.toFixed(2)})`;
    const where = { 'rows there': rows, prefixes, 'sends a claim': batch };
    table.push({ ...rowOf('ours', own, 5), ...where, 'ours ÷ library': against });
    table.push({ ...rowOf('library', other, 4 * batch), ...where, 'ours ÷ library': '' });
  }
  return table;
}

async function takeAll(
  database: LimitsDatabase,
  forms: readonly Form[],
  batch: number,
  claims: number,
  prefixes: number,
): Promise<Taken> {
  const waiting = Array.from({ length: claims }, () => Array.from({ length: batch }, () => anySend(prefixes)));
  await database.expect(waiting.flat());
  const times: number[] = [];
  const work = async (form: Form): Promise<void> => {
    for (let sends = waiting.pop(); sends; sends = waiting.pop()) {
      const began = performance.now();
      const passed = await form.admit(sends);
      times.push(performance.now() - began);
      if (passed.length !== sends.length) throw new Error(`${form.name} has refused what it had room for`);
    }
  };
  const began = performance.now();
  await Promise.all(forms.map(work));
  const seconds = (performance.now() - began) / 1000;
  await database.clean();
  return { perSecond: (claims * batch) / seconds, claims: times.sort((a, b) => a - b) };
}

function rowOf(form: string, taken: readonly Taken[], roundTrips: number): Row {
  const { median, low, high } = spreadOf(taken.map(({ perSecond }) => perSecond));
  const at = (percent: number): number => spreadOf(taken.map(({ claims }) => percentile(claims, percent))).median;
  const rate = { 'sends/s': Math.round(median), low: Math.round(low), high: Math.round(high) };
  return { form, ...rate, 'p50 ms': at(50), 'p99 ms': at(99), 'round trips': roundTrips };
}

/** What a limit of a whole country costs, which counts all of its sends in the window; a claim of ten. */
export async function measureCountry(
  database: LimitsDatabase,
  built: Built,
  rows: number,
  rounds: number,
): Promise<Row[]> {
  const country = [{ max: 1_000_000_000, within: 86_400_000 }];
  const guard = { ...ROOMY.guard, window: 86_400_000, countries: true };
  const forms = { 'no limit': ROOMY, LIMIT_COUNTRY: { ...ROOMY, country }, GUARD_COUNTRIES: { ...ROOMY, guard } };
  const taken: Record<string, Taken[]> = {};
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, limits] of Object.entries(forms)) {
      const form = ours(built, database.pool, limits);
      (taken[name] ??= []).push(await takeAll(database, [form], 10, 3, PREFIXES));
    }
  }
  return Object.entries(taken).map(([name, all]) => {
    const { median, low, high } = spreadOf(all.map(({ claims }) => percentile(claims, 50)));
    return { country: name, 'sends in the window': rows, 'a claim, ms': median, low, high };
  });
}
