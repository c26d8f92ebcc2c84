import { describe, expect, it } from '@jest/globals';
import type { AgreementFacts } from '../agreement/index.js';
import type { DatabaseClock } from '../database/index.js';
import type { Try, TryOutcome } from './provider-chain.js';
import type { ProviderLanes } from './provider-lanes.js';
import { SendAnswer } from './send-answer.js';
import type { ClaimedSend, SendRecord } from './send-record.js';
import type { SmsOutcome } from './sms/sms-gateway.js';

const SECOND = 1_000;
const NOW = new Date('2026-01-01T12:00:00Z');
const later: SmsOutcome = { kind: 'try_later', reason: 'ECONNREFUSED', retryAfter: null };
const laterIn = (retryAfter: number): SmsOutcome => ({ kind: 'try_later', reason: '503', retryAfter });
const refused: SmsOutcome = { kind: 'refused', reason: '400' };
const unknown: SmsOutcome = { kind: 'unknown', reason: 'timeout' };

interface Scene {
  /** Such as `a try_later`. */
  readonly before?: readonly string[];
  readonly route?: readonly string[];
  readonly avoided?: readonly string[];
  /** Milliseconds until the last moment to send. */
  readonly left?: number;
  /** Milliseconds that the call took. */
  readonly took?: number;
}

const past = (words: string): Try => {
  const [provider = '', outcome = ''] = words.split(' ');
  return { provider, outcome: outcome as TryOutcome, receipt: null };
};

/** What is written down when this provider says so: who is asked next, after how long, and why; or why nobody is. */
async function after(provider: string, outcome: SmsOutcome, scene: Scene = {}) {
  const { before = [], route = ['a', 'b'], avoided = [], left = 600 * SECOND, took = 5 } = scene;
  const noted: { provider?: string | null; wait?: number; reason: string }[] = [];
  const record: Pick<SendRecord, 'retry' | 'failed'> = {
    retry: async (_, __, reason, next) => void noted.push({ ...next, reason }),
    failed: async (_, __, ___, ____, reason) => void noted.push({ reason }),
  };
  const lanes = {
    isAvoided: (name: string) => avoided.includes(name),
    gateway: (name: string) => (route.includes(name) ? { deduplicates: true } : undefined),
  };
  const clock = { now: async () => NOW };
  const answer = new SendAnswer(
    lanes as unknown as ProviderLanes,
    record as SendRecord,
    clock as unknown as DatabaseClock,
  );
  const claimed_at = new Date(NOW.getTime() - took);
  const send = { route, tries: before.map(past), claimed_at } as unknown as ClaimedSend;
  await answer.record(send, provider, {} as AgreementFacts, outcome, new Date(NOW.getTime() + left));
  return noted[0] ?? { reason: 'nothing' };
}

describe('after an answer', () => {
  it('that names no time the same one is asked once more, and then the next one at once', async () => {
    const first = await after('a', later);
    expect(first.provider).toBe('a');
    expect(first.wait).toBeGreaterThanOrEqual(500);
    expect(await after('a', later, { before: ['a try_later'] })).toMatchObject({ provider: 'b', wait: 0 });
  });

  it.each([
    ['the first one is in trouble', { avoided: ['a'] }],
    ['it took long to fail', { took: 10 * SECOND }],
  ])('the next one is asked at once where %s', async (_, scene) => {
    expect(await after('a', later, scene)).toMatchObject({ provider: 'b', wait: 0 });
  });

  it.each<[string, SmsOutcome, Scene]>([
    ['the next one is in trouble too', later, { before: ['a try_later'], avoided: ['a', 'b'] }],
    ['it named a time', laterIn(5 * SECOND), { before: ['a try_later'], avoided: ['a'] }],
    ['it may have the text', unknown, { before: ['a try_later'], avoided: ['a'], took: 10 * SECOND }],
    ['it may have had it before', later, { before: ['a unknown', 'a try_later'], avoided: ['a'] }],
  ])('nobody else is asked where %s', async (_, outcome, scene) => {
    const next = await after('a', outcome, scene);
    expect(next.provider).toBe('a');
    expect(next.wait).toBeGreaterThanOrEqual(500);
  });

  it('the first one has its turn again, after a pause, where the second one fails or refuses', async () => {
    const before = ['a try_later', 'a try_later'];
    for (const next of [
      await after('b', refused, { before }),
      await after('b', later, { before: [...before, 'b try_later'] }),
    ]) {
      expect(next.provider).toBe('a');
      expect(next.wait).toBeGreaterThanOrEqual(SECOND);
    }
  });

  it('a time that the code does not have rules the provider out', async () => {
    const scene = { left: 60 * SECOND };
    expect(await after('a', laterIn(3_600 * SECOND), scene)).toEqual({ provider: 'b', wait: 0, reason: 'too_late' });
    const both = { ...scene, before: ['b refused'] };
    expect(await after('a', laterIn(3_600 * SECOND), both)).toEqual({ reason: 'expired' });
  });

  it('a pause of ours that is too long ends while there is time for a last try, where nobody else is left', async () => {
    const before = Array<string>(9).fill('a try_later');
    const alone = { route: ['a'], before, left: 10 * SECOND };
    for (const outcome of [later, unknown]) {
      expect(await after('a', outcome, alone)).toMatchObject({ provider: 'a', wait: 9.5 * SECOND });
      expect(await after('a', outcome, { ...alone, left: 900 })).toEqual({ reason: 'expired' });
    }
    expect(await after('a', later, { ...alone, route: ['a', 'b'] })).toMatchObject({ provider: 'b', wait: 0 });
  });
});
