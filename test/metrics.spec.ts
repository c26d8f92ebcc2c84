import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { type Scrape, startMeasured } from './support/metrics.js';
import { describeWithPromtool, promtool } from './support/promtool.js';
import { answers, SmsServer } from './support/sms-server.js';
import { until } from './support/until.js';

type Measured = Awaited<ReturnType<typeof startMeasured>>;

const database = useDatabase();
let provider: SmsServer;
let service: Measured;

beforeAll(async () => {
  provider = await SmsServer.start();
  service = await startMeasured(database, { ...provider.environment, OTP_RESEND_INTERVAL: '0', OTP_MAX_CODES: '2' });
});
afterAll(() => provider.stop());

/** Waits for a scrape of which this is true: what is looked up is up to three seconds old. */
async function scraped(what: string, condition: (scrape: Scrape) => boolean): Promise<Scrape> {
  return until(what, async () => {
    const scrape = await service.scrape();
    return condition(scrape) ? scrape : undefined;
  });
}

describe('the port of the metrics', () => {
  it('answers GET /metrics in the text format, and lets nobody keep the answer', async () => {
    const response = await fetch(`http://127.0.0.1:${service.port}/metrics?from=prometheus`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it.each(['/', '/metrics/', '/v1/agreement', '/docs'])('has no %s', async (path) => {
    expect((await fetch(`http://127.0.0.1:${service.port}${path}`)).status).toBe(404);
  });

  it('takes no other method, and says which', async () => {
    const response = await fetch(`http://127.0.0.1:${service.port}/metrics`, { method: 'POST', body: 'x' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET');
  });

  it('is not the port of the API, which has no /metrics', async () => {
    expect((await service.api.get('/metrics')).status).toBe(404);
  });
});

describe('an agreement from its request to its text', () => {
  it('is counted at each step', async () => {
    const before = await service.scrape();
    const phone = freshPhone();
    const { body } = await service.api.create({ phone });
    await provider.received(phone);
    const after = await scraped('it is sent', (scrape) => grown(scrape, 'agreement_request_to_send_seconds_count') > 0);
    function grown(scrape: Scrape, name: string, labels = {}): number {
      return (scrape.value(name, labels) ?? 0) - (before.value(name, labels) ?? 0);
    }
    const created = { route: '/v1/agreement', method: 'POST', status: '201' };
    expect(grown(after, 'agreement_http_request_duration_seconds_count', created)).toBe(1);
    expect(grown(after, 'agreement_consumer_messages_total', { outcome: 'handled' })).toBe(1);
    expect(grown(after, 'agreement_sends_total', { provider: 'http', outcome: 'accepted' })).toBe(1);
    expect(grown(after, 'agreement_send_duration_seconds_count', { provider: 'http', outcome: 'accepted' })).toBe(1);
    expect(grown(after, 'agreement_request_to_send_seconds_sum')).toBeGreaterThan(0);
    expect(grown(after, 'agreement_request_to_send_seconds_sum')).toBeLessThan(10);
    expect(grown(after, 'agreement_database_pool_wait_seconds_count')).toBeGreaterThan(0);

    await service.api.get(`/v1/agreement/${body['reference']}`);
    const both = await scraped(
      'CodeSent is published too',
      (s) => grown(s, 'agreement_relay_events_published_total') > 1,
    );
    expect(grown(both, 'agreement_consumer_messages_total', { outcome: 'skipped' })).toBe(1);
    const read = { route: '/v1/agreement/:reference', method: 'GET', status: '200' };
    expect(grown(both, 'agreement_http_request_duration_seconds_count', read)).toBe(1);
  });

  it('that has to be tried again shows as waiting, not as a failure for good', async () => {
    const phone = freshPhone();
    provider.willAnswer(phone, answers.status(503, { 'retry-after': '600' }));
    const { body } = await service.api.create({ phone });
    const waiting = await scraped('it waits', (scrape) => (scrape.value('agreement_sends_retrying') ?? 0) === 1);
    expect(waiting.value('agreement_sends_waiting')).toBe(1);
    expect(waiting.value('agreement_sends_oldest_due_seconds')).toBe(0);
    expect(waiting.value('agreement_sends_total', { outcome: 'try_later' })).toBe(1);
    await service.api.post(`/v1/agreement/${body['reference']}/cancel`, {});
    await database.query(`UPDATE send SET state = 'failed' WHERE state = 'queued'`);
    await scraped('nothing waits', (scrape) => scrape.value('agreement_sends_waiting') === 0);
  });
});

describe('limits', () => {
  it('are counted by their name, and start at zero', async () => {
    const hits = (scrape: Scrape) =>
      ['agreement', 'resend_too_soon', 'attempts_exhausted', 'phone'].map((limit) =>
        scrape.value('agreement_limit_hits_total', { limit }),
      );
    expect(hits(await service.scrape())).toEqual([0, 0, 0, 0]);
    const phone = freshPhone();
    const { body } = await service.api.create({ phone });
    const [sent] = await provider.received(phone);
    const wrong = sent?.body.text.includes('000000') ? '000001' : '000000';
    for (const _ of Array.from({ length: 4 })) await service.api.confirm(body['reference'], wrong);
    for (const count of [2, 2]) {
      await service.api.post(`/v1/agreement/${body['reference']}/resend`);
      await provider.received(phone, count);
    }
    expect(hits(await service.scrape())).toEqual([1, 0, 1, 0]);
  });
});

describe('an event that cannot be published', () => {
  it('shows as parked and not as waiting', async () => {
    await database.query(
      `INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at, parked_at)
       VALUES (gen_random_uuid(), 'agreement', 'x', 'x', '{}', 'local', false, 1, now() - interval '1 hour', now())`,
    );
    const scrape = await scraped('it is parked', (found) => found.value('agreement_outbox_parked_rows') === 1);
    expect(scrape.value('agreement_outbox_waiting_rows')).toBe(0);
    expect(scrape.value('agreement_outbox_oldest_seconds')).toBe(0);
    await database.query('DELETE FROM outbox');
  });
});

describe('what a caller or a person gives', () => {
  it('is in no label and nowhere else', async () => {
    const phone = freshPhone();
    const { body } = await service.api.create({
      phone,
      id_hash: 'canary-hash',
      metadata: { 'canary-key': 'canary-value' },
    });
    const [sent] = await provider.received(phone);
    const code = /\d{6}/.exec(sent?.body.text ?? '')?.[0] ?? 'no code';
    await service.api.get(`/v1/agreement/${body['reference']}?x=canary-query`);
    await service.api.get(`/v1/agreement?id_hash=canary-hash`);
    await service.api.get(`/canary-path/${phone}`);
    await service.api.confirm(body['reference'], code);
    const { text } = await service.scrape();
    expect(text).toContain('route="unknown"');
    expect(text).not.toMatch(/canary/);
    expect(text).not.toContain(phone.slice(1));
    expect(text).not.toContain(body['reference']);
    expect(text).not.toMatch(new RegExp(`"${code}"`));
  });
});

describeWithPromtool('the text of the metrics', () => {
  it('has nothing that promtool would have otherwise', async () => {
    const { text } = await service.scrape();
    expect(promtool(['check', 'metrics'], text)).toEqual({ code: 0, output: '' });
  });
});
