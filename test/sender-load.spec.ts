import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { startService, type TestService } from './support/service.js';
import { answers, SmsServer } from './support/sms-server.js';
import { until } from './support/until.js';

const CONCURRENCY = 10;

describe('a slow provider', () => {
  const database = useDatabase();
  let provider: SmsServer;
  let service: TestService;
  beforeAll(async () => {
    provider = await SmsServer.start();
    const env = { ...provider.environment, SMS_TIMEOUT: '5', SMS_CONCURRENCY: String(CONCURRENCY) };
    service = await startService(database, env);
  });
  afterAll(() => provider.stop());

  const phones = (count: number) => Array.from({ length: count }, () => freshPhone());

  it('is never asked for more at once than SMS_CONCURRENCY, and gets everything', async () => {
    const slow = phones(5 * CONCURRENCY);
    for (const phone of slow) provider.willAnswer(phone, answers.slow(500));
    await Promise.all(slow.map((phone) => service.api.create({ phone })));
    await until('all have been sent', () => slow.every((phone) => provider.to(phone).length === 1));
    expect(provider.mostAtOnce).toBe(CONCURRENCY);
  });

  it('holds up neither the API nor the other texts', async () => {
    const stuck = phones(CONCURRENCY - 2);
    for (const phone of stuck) provider.willAnswer(phone, answers.hang);
    await Promise.all(stuck.map((phone) => service.api.create({ phone })));
    await Promise.all(stuck.map((phone) => provider.received(phone)));

    const times: number[] = [];
    for (const phone of phones(20)) {
      const asked = performance.now();
      expect((await service.api.create({ phone })).status).toBe(201);
      times.push(performance.now() - asked);
      await provider.received(phone, 1, 1_000);
    }
    expect(median(times)).toBeLessThan(100);
    expect(stuck.filter((phone) => provider.to(phone).length !== 1)).toEqual([]);
  });
});

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Infinity;
}
