import pg from 'pg';
import type { Answer } from '../support/api.js';
import type { TestDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import { type Attack, kindOf, othersThan, storm, unless, warmUp } from './answers.js';
import { type Caller, type Deployment, farPhone } from './deployment.js';
import { settled } from './flooding.js';

const CREATES = 1000;
const AT_ONCE = 100;
/** What LIMIT_PREFIX and the guard let through by themselves. */
const OWN_CAP = 50;

/**
 * 1000 numbers of one prefix, by two clients at both replicas: no more texts than the service allows by itself, and every
 * other create refused or failed visibly. Wants the limits that it has by itself.
 */
export const pumpedPrefix: Attack = async (deployment) => {
  await warmUp(deployment, AT_ONCE / 2);
  const phones = neighbours('+7916700', CREATES);
  const asked: Answer[] = [];
  for (let from = 0; from < CREATES; from += AT_ONCE) {
    asked.push(...(await storm(AT_ONCE, (index) => createFor(deployment, index, phones[from + index]))));
  }
  const views = await ends(deployment, asked);
  const texts = textsTo(deployment, phones);
  const refused = asked.filter(({ status }) => status === 429);
  return [
    ...othersThan(['201 pending', '429 send_limit_reached'], asked),
    ...unless(texts > 0, 'no text at all: nothing was attacked'),
    ...unless(texts <= OWN_CAP, `${CREATES} creates in one prefix sent ${texts} texts`),
    ...failedFor(views, texts),
    // None need be: the request is no more than an early answer, and exact is the claim.
    ...refusedBy(['prefix', 'hold'], refused),
  ];
};

const WAITING = 40;
const CAP = 7;

/**
 * 40 sends of one prefix that two workers claim at once: exactly as many texts as its limit has room for. Wants API
 * processes without limits, and workers with 7 texts to a prefix that claim few at a time.
 */
export const claimedPrefix: Attack = async (deployment) => {
  const phones = neighbours('+7916701', WAITING);
  const release = await holdSends(deployment.database);
  const asked = await storm(WAITING, (index) => createFor(deployment, index, phones[index]));
  await release(WAITING);
  const views = await ends(deployment, asked);
  const texts = textsTo(deployment, phones);
  return [
    ...othersThan(['201 pending'], asked),
    ...unless(texts === CAP, `${WAITING} sends that were claimed at once gave ${texts} texts`),
    ...failedFor(views, texts),
  ];
};

const GUARDED = 10;

/**
 * Ten numbers of one prefix of which nobody confirms, then more: held back at both replicas, for both clients, with the
 * time it takes; its neighbour is not. Wants a guard that looks from ten texts on.
 */
export const heldPrefix: Attack = async (deployment) => {
  const phones = neighbours('+7916702', 3 * GUARDED);
  const first = await storm(GUARDED, (index) => createFor(deployment, index, phones[index]));
  await ends(deployment, first);
  const more = await storm(2 * GUARDED, (index) => createFor(deployment, index, phones[GUARDED + index]));
  await ends(deployment, more);
  const texts = textsTo(deployment, phones);
  const neighbour = await createFor(deployment, 0, '+79167030000');
  return [
    ...othersThan(['201 pending'], [...first, neighbour]),
    ...othersThan(['429 send_limit_reached'], more),
    ...refusedBy(['hold'], more),
    ...unless(texts === GUARDED, `a prefix where nobody confirms was sent ${texts} texts`),
  ];
};

/** By the reason of the refusal. */
const UNREACHABLE = {
  // At a premium rate, free of charge, land lines of Russia and Kazakhstan.
  not_mobile: ['+78091234567', '+78001234567', '+74951234567', '+77172123456'],
  invalid: ['+7916123456', '+791612345678', '+71234567890', '+999161234567', '9161234567', '+'],
  // French and American mobiles, a premium rate and a satellite.
  country: ['+33612345678', '+12015550123', '+449098790123', '+881612345678'],
} as const;

/**
 * Numbers that no text should go to, at both replicas, for both clients: refused with the reason before a row is written.
 * Wants PHONE_COUNTRIES of Russia and Kazakhstan.
 */
export const unreachablePhones: Attack = async (deployment) => {
  const taken = await createFor(deployment, 0, farPhone());
  await ends(deployment, [taken]);
  const before = await rowsOf(deployment.database);
  const holes = othersThan(['201 pending'], [taken]);
  for (const [reason, phones] of Object.entries(UNREACHABLE)) {
    for (const phone of phones) {
      const answers = await storm(4, (index) => createFor(deployment, index, phone));
      const told = new Set(answers.map((answer) => `${kindOf(answer)} ${answer.body['reason'] ?? ''}`));
      const right = told.size === 1 && told.has(`422 phone_not_allowed ${reason}`);
      holes.push(...unless(right, `a number that is ${reason} is answered ${[...told].join(' and ')}`));
    }
  }
  const after = await rowsOf(deployment.database);
  return [...holes, ...unless(before === after, `rows were ${before} and are ${after}`)];
};

/** So many numbers that differ in their last four digits only. */
function neighbours(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}${String(n).padStart(4, '0')}`);
}

/** Of four that follow each other, each at another replica or for another client. */
function createFor(deployment: Deployment, index: number, phone: string | undefined): Promise<Answer> {
  const caller: Caller = index % 4 < 2 ? 'shop' : 'bank';
  return deployment.at(index, caller).create({ phone });
}

function textsTo({ provider }: Deployment, phones: readonly string[]): number {
  const those = new Set(phones);
  return provider.requests.filter(({ body }) => those.has(body.to)).length;
}

/** Every agreement that was taken, once its text is out or will never be; asked for by the client who has it. */
async function ends(deployment: Deployment, asked: readonly Answer[]): Promise<Record<string, any>[]> {
  const views: Record<string, any>[] = [];
  for (const [index, { status, body }] of asked.entries()) {
    if (status === 201)
      views.push(await settled(deployment, String(body['reference']), index % 4 < 2 ? 'shop' : 'bank'));
  }
  return views;
}

/** What was taken and not sent must say so. */
function failedFor(views: readonly Record<string, any>[], texts: number): string[] {
  const failed = views.filter(({ delivery, delivery_reason: reason }) => delivery === 'failed' && reason === 'limit');
  const right = failed.length === views.length - texts;
  return unless(right, `of ${views.length} agreements, with ${texts} texts, ${failed.length} failed by a limit`);
}

/** Each refusal must say which limit it is, and for how long. */
function refusedBy(limits: readonly string[], refused: readonly Answer[]): string[] {
  const told = new Set(refused.map(({ body }) => String(body['limit'])));
  const waits = refused.map(({ headers }) => Number(headers.get('retry-after')));
  return [
    ...unless(
      [...told].every((limit) => limits.includes(limit)),
      `the refusals name ${[...told].join()}`,
    ),
    ...unless(
      waits.every((wait) => wait > 3000 && wait <= 3600),
      `the refusals say to come back in ${Math.min(...waits)} to ${Math.max(...waits)} s`,
    ),
  ];
}

/**
 * Keeps every new send from being claimed.
 * @returns lets them go, once there are so many: both workers are then in the midst of a claim, and none has ended one
 */
async function holdSends(database: TestDatabase): Promise<(count: number) => Promise<void>> {
  await database.query(`
    CREATE FUNCTION put_off() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.next_attempt_at = now() + interval '1 hour'; RETURN NEW; END $$`);
  await database.query('CREATE TRIGGER put_off BEFORE INSERT ON send FOR EACH ROW EXECUTE FUNCTION put_off()');
  return async (count) => {
    const queued = 'SELECT count(*)::integer AS sends FROM send';
    await until(`${count} sends`, async () => (await database.query<{ sends: number }>(queued))[0]?.sends === count);
    await database.query('DROP TRIGGER put_off ON send');
    const barrier = new pg.Client(database.url);
    await barrier.connect();
    try {
      // The claim writes it last, after it has counted.
      await barrier.query('BEGIN; LOCK TABLE send_try IN EXCLUSIVE MODE');
      await database.query('UPDATE send SET next_attempt_at = now()');
      await until('both workers are within a claim', () => twoClaimsWait(database));
    } finally {
      await barrier.end();
    }
  };
}

/** For the barrier or for each other. Others may wait for the barrier too: what deletes old tries. */
async function twoClaimsWait(database: TestDatabase): Promise<boolean> {
  const waiting = await database.query(`
    SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
      AND (query LIKE '%INSERT INTO send_try%' OR query LIKE '%pg_advisory_xact_lock%')`);
  return waiting.length === 2;
}

/** How many rows there are of whatever a create writes; of the outbox those that ever were in it. */
async function rowsOf(database: TestDatabase): Promise<string> {
  const tables = ['agreement', 'raised', 'history', 'limit_entry', 'send'];
  const counts = tables.map((table) => `(SELECT count(*) FROM ${table}) AS ${table}`);
  const [row] = await database.query(`SELECT ${counts.join()}`);
  return JSON.stringify(row);
}
