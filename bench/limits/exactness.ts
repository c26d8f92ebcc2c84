import { setTimeout as delay } from 'node:timers/promises';
import type { DueSend } from '../../src/limits/index.js';
import { spreadOf } from '../statistics.js';
import type { LimitsDatabase } from './database.js';
import {
  type Built,
  COUNT_AND_TAKE,
  type Form,
  library,
  limitsOf,
  LOCK_COUNT_AND_TAKE,
  oneStatement,
  ours,
  phoneIn,
  sendTo,
} from './forms.js';
import type { Row } from './tables.js';

const CAP = 5;
const STORM = 60;
const WINDOW = 2_000;
const EDGE = 150;

/** How many pass where five may, in each form, over the rounds: least, middle, most. */
export async function measureExactness(database: LimitsDatabase, built: Built, rounds: number): Promise<Row[]> {
  const limits = limitsOf({ phone: [{ max: CAP, within: 600_000 }] });
  const forms: Record<string, (pool: LimitsDatabase['pool']) => Form> = {
    'ours: lock, then count': (pool) => ours(built, pool, limits),
    'rate-limiter-flexible': (pool) => library(built, pool, limits),
    'count in the statement that takes': (pool) => oneStatement(built, pool, 'count', COUNT_AND_TAKE, limits),
    'lock and count in one statement': (pool) => oneStatement(built, pool, 'lock', LOCK_COUNT_AND_TAKE, limits),
  };
  const found: Record<string, number[]> = {};
  await database.fill(0);
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, make] of Object.entries(forms)) {
      (found[name] ??= []).push(await storm(database, database.pools.map(make)));
    }
  }
  return Object.entries(found).map(([name, passed]) => {
    const { low, median, high } = spreadOf(passed);
    return { what: `${STORM} parallel claims under a cap of ${CAP}`, form: name, low, median, high };
  });
}

async function storm(database: LimitsDatabase, forms: readonly Form[]): Promise<number> {
  const phone = phoneIn(0);
  const sends = Array.from({ length: STORM }, () => sendTo(phone));
  await database.expect(sends);
  if (forms[0]?.name === 'count' || forms[0]?.name === 'lock') await database.clean();
  const passed = await Promise.all(sends.map((send, index) => forms[index % forms.length]!.admit([send])));
  await forget(database);
  return passed.flat().length;
}

/** What a limit must also do: hold over the edge of a window, charge nothing for a refusal, give back. */
export async function measureMeaning(database: LimitsDatabase, built: Built, rounds: number): Promise<Row[]> {
  const questions = {
    [`most in any ${WINDOW / 1000} s, cap ${CAP}`]: atTheEdge,
    [LEFT]: afterRefusals,
    [BACK]: givenBack,
  };
  const found = new Map<string, { what: string; form: string; passed: number[] }>();
  await database.fill(0);
  for (let round = 0; round < rounds; round += 1) {
    for (const [what, ask] of Object.entries(questions)) {
      for (const make of round % 2 === 0 ? [ours, library] : [library, ours]) {
        const row = found.get(what + make.name) ?? { what, form: make.name, passed: [] };
        row.passed.push(await ask(database, (limits) => make(built, database.pool, limits)));
        found.set(what + make.name, row);
        await forget(database);
      }
    }
  }
  return [...found.values()].map(({ what, form, passed }) => {
    const { low, median, high } = spreadOf(passed);
    return { what, form, low, median, high };
  });
}

const LEFT = `left of a phone's ${CAP} after 10 refusals by its prefix`;
const BACK = `let through after ${CAP} of ${CAP} were confirmed`;

type Ask = (database: LimitsDatabase, make: (limits: ReturnType<typeof limitsOf>) => Form) => Promise<number>;

/** One opens the window, the rest of it goes at its end, and more right behind it. */
const atTheEdge: Ask = async (database, make) => {
  const form = make(limitsOf({ phone: [{ max: CAP, within: WINDOW }] }));
  const phone = phoneIn(0);
  const passed: number[] = [];
  const burst = async (count: number): Promise<void> => {
    const sends = Array.from({ length: count }, () => sendTo(phone));
    await database.expect(sends);
    const through = await form.admit(sends);
    passed.push(...through.map(() => performance.now()));
  };
  await burst(1);
  const opened = performance.now();
  await delay(WINDOW - EDGE - (performance.now() - opened));
  await burst(2 * CAP);
  await delay(WINDOW + EDGE - (performance.now() - opened));
  await burst(2 * CAP);
  return Math.max(...passed.map((at) => passed.filter((other) => other >= at && other < at + WINDOW).length));
};

/** Its neighbours have used up the prefix; what is left to the phone once that is over. */
const afterRefusals: Ask = async (database, make) => {
  const phone = { max: CAP, within: 600_000 };
  const phoneNumber = phoneIn(1);
  const refusing = make(limitsOf({ phone: [phone], prefix: [{ max: 1, within: 600_000 }] }));
  await admitAll(database, refusing, [sendTo(phoneIn(1))]);
  for (let n = 0; n < 10; n += 1) await admitAll(database, refusing, [sendTo(phoneNumber)]);
  const through = await admitAll(database, make(limitsOf({ phone: [phone] })), someTo(phoneNumber));
  return through.length;
};

const givenBack: Ask = async (database, make) => {
  const form = make(limitsOf({ phone: [{ max: CAP, within: 600_000 }] }));
  const phone = phoneIn(2);
  const first = await admitAll(database, form, someTo(phone));
  await database.agree(first, 'confirmed');
  return (await admitAll(database, form, someTo(phone))).length;
};

function someTo(phone: string): DueSend[] {
  return Array.from({ length: 2 * CAP }, () => sendTo(phone));
}

async function admitAll(database: LimitsDatabase, form: Form, sends: readonly DueSend[]): Promise<readonly DueSend[]> {
  await database.expect(sends);
  return form.admit(sends);
}

async function forget(database: LimitsDatabase): Promise<void> {
  await database.pool.query('TRUNCATE limit_entry, limit_hold, agreement, limiter');
}
