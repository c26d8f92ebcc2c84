import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { startService, type TestService } from './support/service.js';
import { answers, type SmsAnswer, SmsServer } from './support/sms-server.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { until } from './support/until.js';

const FAILS = Array.from({ length: 20 }, () => answers.status(500));

describe('an SMS provider that fails', () => {
  const database = useDatabase();
  let provider: SmsServer;
  let proxy: TcpProxy;
  let service: TestService;
  beforeAll(async () => {
    provider = await SmsServer.start();
    const { proxy: between, url } = await TcpProxy.before(provider.url);
    proxy = between;
    await proxy.open();
    const env = { ...provider.environment, SMS_HTTP_URL: url, SMS_TIMEOUT: '1', OTP_TTL: '12' };
    service = await startService(database, env);
  });
  afterAll(async () => {
    await proxy.cut();
    await provider.stop();
  });

  async function create(...script: SmsAnswer[]): Promise<{ phone: string; reference: string }> {
    const phone = freshPhone();
    provider.willAnswer(phone, ...script);
    const { body } = await service.api.create({ phone });
    return { phone, reference: body['reference'] };
  }

  const triesOf = (reference: string) =>
    database.query('SELECT outcome, reason FROM send_try WHERE reference = $1 ORDER BY try', [reference]);

  it('is asked again after ever longer pauses, of which no two are alike, until the code would expire', async () => {
    const created = await Promise.all(Array.from({ length: 5 }, () => create(...FAILS)));
    const events = `SELECT detail FROM history WHERE reference = $1 AND kind = 'code_undelivered'`;
    const pauses = await Promise.all(
      created.map(async ({ phone, reference }) => {
        const agreement = await until('it has failed', async () => {
          const { body } = await service.api.get(`/v1/agreement/${reference}`);
          return body['delivery'] === 'failed' ? body : undefined;
        });
        expect(agreement).toMatchObject({ status: 'pending', delivery_reason: 'expired' });
        expect((await database.query(events, [reference])).map(({ detail }) => detail)).toEqual([
          { generation: 1, channel: 'sms', provider: 'http', reason: 'expired' },
        ]);
        const times = provider.to(phone).map(({ at }) => at);
        return times.slice(1).map((at, index) => at - (times[index] ?? 0));
      }),
    );
    for (const ofOne of pauses) {
      expect(ofOne.length).toBeGreaterThanOrEqual(2);
      // From half to the whole of 1, 2, 4 … seconds, and the time of a try.
      for (const [index, pause] of ofOne.entries()) {
        // The last one is cut short, so that a try is left at its end.
        if (index < ofOne.length - 1) expect(pause).toBeGreaterThan(500 * 2 ** index - 20);
        expect(pause).toBeLessThan(1_000 * 2 ** index + 800);
      }
    }
    expect(new Set(pauses.map(([first]) => Math.round(first ?? 0))).size).toBeGreaterThan(1);
  });

  it('or cannot be reached gets the text once it can, and nothing was unclear meanwhile', async () => {
    await proxy.cut();
    const { phone, reference } = await create();
    await until('it was tried', async () => (await triesOf(reference))[0]?.['outcome'] === 'try_later');
    expect(await triesOf(reference)).toContainEqual({ outcome: 'try_later', reason: 'ECONNREFUSED' });
    await proxy.open();
    await service.api.until(reference, { delivery: 'sent' });
    expect(provider.to(phone)).toHaveLength(1);
  });

  it('and breaks every connection between two texts gets each text once', async () => {
    for (const _ of [1, 2, 3]) {
      const { phone, reference } = await create();
      await service.api.until(reference, { delivery: 'sent' });
      expect(await triesOf(reference)).toEqual([{ outcome: 'accepted', reason: null }]);
      expect(provider.to(phone)).toHaveLength(1);
      await proxy.cut();
      await proxy.open();
    }
  });

  it('or hangs up when it has the text leaves it unclear whether it took it', async () => {
    const { phone, reference } = await create(answers.reset);
    await service.api.until(reference, { delivery: 'sent' });
    expect(await triesOf(reference)).toEqual([
      { outcome: 'unknown', reason: 'ECONNRESET' },
      { outcome: 'accepted', reason: null },
    ]);
    expect(new Set(provider.to(phone).map(({ body }) => JSON.stringify(body))).size).toBe(1);
  });
});
