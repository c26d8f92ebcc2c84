import { expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { insertMany } from './support/many-agreements.js';
import { startService } from './support/service.js';
import { until } from './support/until.js';

const database = useDatabase();
const CLOSED = 20_000;
/** In milliseconds; a lock that is held as long as a statement may run (4.5 s) would show. */
const NOT_HELD_UP = 2_000;

const count = async (from: string) => {
  const [row] = await database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${from}`);
  return row?.n ?? NaN;
};

it('20 000 closed agreements are purged while others are made and confirmed, and nobody waits for it', async () => {
  // All closed in the same instant: no time tells them apart.
  await insertMany(database, { count: CLOSED, status: 'cancelled', closedAt: `timestamptz '2026-01-01'` });
  const settings = { RETENTION_CONTACT: '86400', RETENTION_DELIVERY: '86400', OTP_RESEND_INTERVAL: '0' };
  const services = await Promise.all([
    startService(database, settings),
    startService(database, { ...settings, ROLES: 'relay,worker' }),
  ]);
  const api = services[0].api;
  const left = async () =>
    (await count('agreement WHERE closed_at IS NOT NULL AND contact IS NOT NULL')) +
    (await count('send WHERE reference IN (SELECT reference FROM agreement WHERE closed_at IS NOT NULL)'));
  let longest = 0;
  let confirmed = 0;
  const timed = async <T>(work: Promise<T>): Promise<T> => {
    const since = performance.now();
    const answer = await work;
    longest = Math.max(longest, performance.now() - since);
    return answer;
  };
  let purging = true;
  const caller = async (): Promise<void> => {
    while (purging) {
      const { reference, code } = await api.createAndAwaitCode();
      expect((await timed(api.confirm(reference, code))).status).toBe(200);
      expect((await timed(api.create({ id_hash: 'other' }))).status).toBe(201);
      confirmed += 1;
    }
  };
  const callers = Promise.all([caller(), caller()]);
  await until('all is purged', async () => (await left()) === 0, 100_000).finally(() => (purging = false));
  await callers;

  expect(confirmed).toBeGreaterThan(5);
  expect(longest).toBeLessThan(NOT_HELD_UP);
  expect(await count(`agreement WHERE status = 'confirmed' AND contact IS NULL`)).toBe(0);
  expect(await count(`send s JOIN agreement a USING (reference) WHERE a.status = 'confirmed'`)).toBe(confirmed);
  await Promise.all(services.map((service) => service.stop()));
}, 150_000);

it('who withdraws at the moment of the purge is purged, and gets no error', async () => {
  const service = await startService(database, {
    ...{ RETENTION_CONTACT: '1', RETENTION_DELIVERY: '0', OTP_RESEND_INTERVAL: '0' },
    ...{ LIMIT_PHONE: 'off', LIMIT_PHONE_ALL: 'off', LIMIT_PREFIX: 'off', GUARD_WINDOW: '1' },
  });
  const agreements = await Promise.all(Array.from({ length: 10 }, () => service.api.createAndAwaitCode()));
  const statuses = await Promise.all(
    agreements.map(async ({ reference, code }) => [
      (await service.api.confirm(reference, code)).status,
      (await service.api.post(`/v1/agreement/${reference}/withdraw`)).status,
    ]),
  );
  expect(new Set(statuses.flat())).toEqual(new Set([200]));
  const references = agreements.map(({ reference }) => reference);
  await until(
    'all are purged',
    async () => {
      const rows = await database.query('SELECT FROM agreement WHERE reference = ANY ($1) AND contact IS NULL', [
        references,
      ]);
      return rows.length === 10;
    },
    20_000,
  );
  await service.stop();
});

it('a confirmation touches no index: it is a HOT update', async () => {
  // So few that they and their new versions have room in one page, whatever can be pruned there.
  const first = await startService(database);
  const agreements = await Promise.all(Array.from({ length: 4 }, () => first.api.createAndAwaitCode()));
  await first.stop();
  await database.query('VACUUM agreement');
  const updates = async () => {
    const [row] = await database.query<{ all: number; hot: number }>(
      `SELECT n_tup_upd::int AS all, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables WHERE relname = 'agreement'`,
    );
    return row!;
  };
  const before = await updates();
  const second = await startService(database);
  for (const { reference, code } of agreements) {
    expect((await second.api.confirm(reference, code)).status).toBe(200);
  }
  await second.stop();
  await until('they are counted', async () => (await updates()).all >= before.all + agreements.length);
  const after = await updates();
  expect(after.hot - before.hot).toBe(after.all - before.all);
});
