import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Api, otherThan, type SentAgreement } from './support/api.js';
import { useDatabase } from './support/database.js';
import { startService, type TestService } from './support/service.js';

const newKey = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const K1 = newKey('k1');
const K2 = newKey('k2');

/** The keys of two replicas: the new ones come to one after the other. */
type Rings = readonly [string, string];

const STEPS: readonly (readonly [string, Rings])[] = [
  ['before it', [K1, K1]],
  ['when one replica knows the second key', [`${K1},${K2}`, K1]],
  ['when both know it', [`${K1},${K2}`, `${K1},${K2}`]],
  ['when one makes codes with it', [`${K2},${K1}`, `${K1},${K2}`]],
  ['when both do', [`${K2},${K1}`, `${K2},${K1}`]],
];
const REMOVAL: readonly (readonly [string, Rings])[] = [
  ['when one no longer has the first key', [K2, `${K2},${K1}`]],
  ['when neither has it', [K2, K2]],
];

const firstId = (ring: string): string => ring.split(':')[0] ?? '';

describe('a rotation of OTP_KEYS over two replicas', () => {
  const database = useDatabase();
  const replicas: TestService[] = [];
  let rings: Rings = ['', ''];
  /** Of the step before: to be confirmed by each replica, and to be sent another code. */
  let left: { confirm: SentAgreement[]; resend: SentAgreement[] } = { confirm: [], resend: [] };

  const start = (roles: string, ring: string): Promise<TestService> =>
    startService(database, { ROLES: roles, OTP_KEYS: ring, OTP_RESEND_INTERVAL: '0' });
  const api = (which: number): Api => {
    const replica = replicas[which % 2];
    if (!replica) throw new Error('no replica has been started');
    return replica.api;
  };

  /** Gives the keys to whoever does not have them yet. */
  async function roll(to: Rings): Promise<void> {
    for (const which of [0, 1] as const) {
      if (rings[which] === to[which]) continue;
      await replicas[which]?.stop();
      replicas[which] = await start('api', to[which]);
    }
    rings = to;
  }

  /** While one worker with these keys issues all codes. */
  async function withWorker(ring: string, work: () => Promise<void>): Promise<void> {
    const worker = await start('relay,worker', ring);
    await work();
    await worker.stop();
  }

  async function keyOf({ reference }: SentAgreement): Promise<unknown> {
    const rows = await database.query('SELECT code_key_id FROM agreement WHERE reference = $1', [reference]);
    return rows[0]?.['code_key_id'];
  }

  async function isConfirmedBy(which: number, { reference }: SentAgreement, code: string): Promise<void> {
    const { status, body } = await api(which).confirm(reference, code);
    expect({ status, agreement: body['status'] }).toEqual({ status: 200, agreement: 'confirmed' });
  }

  /** What was issued before the step is good in it, by both replicas; and so are the further codes that it asks for. */
  async function takeWhatWasLeft(): Promise<void> {
    const { confirm, resend } = left;
    left = { confirm: [], resend: [] };
    for (const [which, sent] of confirm.entries()) await isConfirmedBy(which, sent, sent.code);
    for (const [which, sent] of resend.entries()) {
      const code = await api(which).resendAndAwaitCode(sent);
      await isConfirmedBy(which + 1, sent, code);
    }
  }

  /** Codes by a worker with these keys, each confirmed by the other replica than the one that was asked for it. */
  async function issueAndConfirm(ring: string): Promise<void> {
    for (const which of [0, 1]) {
      const sent = await api(which).createAndAwaitCode();
      expect(await keyOf(sent)).toBe(firstId(ring));
      await isConfirmedBy(which + 1, sent, sent.code);
      left.confirm.push(await api(which).createAndAwaitCode());
      left.resend.push(await api(which).createAndAwaitCode());
    }
  }

  async function stepTo(to: Rings): Promise<void> {
    await roll(to);
    const [first, ...others] = new Set(to);
    await withWorker(first ?? '', async () => {
      await takeWhatWasLeft();
      await issueAndConfirm(first ?? '');
    });
    for (const ring of others) await withWorker(ring, () => issueAndConfirm(ring));
    const [spent] = await database.query<{ failures: number }>('SELECT sum(failures)::int AS failures FROM agreement');
    expect(spent).toEqual({ failures: 0 });
  }

  it.each(STEPS)('refuses no right code %s', (_, to) => stepTo(to), 30_000);

  it('refuses to start without the first key while a code of it is on its way', async () => {
    await withWorker(`${K1},${K2}`, async () => {
      await api(0).createAndAwaitCode();
    });
    const early = await start('api', K2);
    expect(early.log.join('\n')).toContain('OTP_KEYS lacks the key k1, which made codes that are still on their way');
    await early.stop();
  });

  it.each(REMOVAL)('refuses no right code %s, after OTP_TTL', async (_, to) => {
    await database.query(
      `UPDATE agreement SET code_expires_at = now() WHERE code_key_id = 'k1' AND status = 'pending'`,
    );
    await stepTo(to);
  });
});

describe('a second key of OTP_KEYS that makes codes before both replicas know it', () => {
  const database = useDatabase();
  const start = (roles: string, ring: string): Promise<TestService> =>
    startService(database, { ROLES: roles, OTP_KEYS: ring });
  let hasty: TestService;
  let late: TestService;
  let sent: SentAgreement;
  beforeAll(async () => {
    late = await start('api', K1);
    hasty = await start('api,relay,worker', `${K2},${K1}`);
    sent = await hasty.api.createAndAwaitCode();
  });

  it('is no answer to a guess, costs no attempt and is named in the log', async () => {
    for (const guess of [sent.code, otherThan(sent.code), sent.code]) {
      const { status, body, headers } = await late.api.confirm(sent.reference, guess);
      expect({ status, code: body['code'] }).toEqual({ status: 503, code: 'unavailable' });
      expect(headers.get('retry-after')).toBe(String(body['retry_after']));
    }
    expect((await late.api.get(`/v1/agreement/${sent.reference}`)).body['attempts_left']).toBe(3);
    const complaint = late.log.find((line) => line.includes('"key_id":"k2"'));
    expect(complaint).toContain('made by an OTP key that is not configured');
  });

  it('is good as soon as the other replica follows', async () => {
    await late.stop();
    late = await start('api', `${K1},${K2}`);
    expect(await late.api.confirm(sent.reference, sent.code)).toMatchObject({ status: 200 });
  });
});
