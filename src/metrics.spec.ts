import { describe, expect, it } from '@jest/globals';
import { Metrics } from './metrics.js';

/** The value of a metric without labels in the text of a scrape. */
async function scraped(metrics: Metrics, name: string): Promise<string | undefined> {
  return new RegExp(`^${name} (.+)$`, 'm').exec(await metrics.scrape())?.[1];
}

describe('a gauge that is looked up at the scrape', () => {
  it('has no value before, and then the one that was found', async () => {
    const metrics = new Metrics();
    expect(await scraped(metrics, 'agreement_ready')).toBeUndefined();
    metrics.atScrape([metrics.ready], () => metrics.ready.set(1));
    expect(await scraped(metrics, 'agreement_ready')).toBe('1');
  });

  it('has none any more when it cannot be looked up, which is counted', async () => {
    const metrics = new Metrics();
    let works = true;
    metrics.atScrape([metrics.ready], () => {
      if (!works) throw new Error('away');
      metrics.ready.set(1);
    });
    expect(await scraped(metrics, 'agreement_ready')).toBe('1');
    works = false;
    expect(await scraped(metrics, 'agreement_ready')).toBeUndefined();
    expect(await scraped(metrics, 'agreement_scrape_gaps_total')).toBe('1');
  });

  it('is asked for elsewhere once, however many scrape, and again only after some seconds', async () => {
    const metrics = new Metrics();
    let asked = 0;
    metrics.atScrape([metrics.ready], async () => metrics.ready.set((asked += 1)));
    await Promise.all([metrics.scrape(), metrics.scrape()]);
    expect(await scraped(metrics, 'agreement_ready')).toBe('1');
    expect(asked).toBe(1);
  });

  it('that hangs holds up the scrape for less than two seconds, and is not asked a second time meanwhile', async () => {
    const metrics = new Metrics();
    const answer = Promise.withResolvers<void>();
    let asked = 0;
    metrics.ready.set(1);
    metrics.atScrape([metrics.ready], async () => {
      asked += 1;
      await answer.promise;
      metrics.ready.set(2);
    });
    metrics.atScrape([metrics.databaseUp], () => metrics.databaseUp.set(1));
    const startedAt = performance.now();
    const texts = await Promise.all([metrics.scrape(), metrics.scrape()]);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    for (const text of texts) {
      expect(text).not.toMatch(/^agreement_ready /m);
      expect(text).toMatch(/^agreement_database_up 1$/m);
    }
    answer.resolve();
    expect(await scraped(metrics, 'agreement_ready')).toBe('2');
    expect(asked).toBe(1);
  });
});

describe('the metrics of two services in one process', () => {
  it('are apart', async () => {
    const [one, other] = [new Metrics(), new Metrics()];
    one.relayFailures.inc();
    expect(await scraped(one, 'agreement_relay_failures_total')).toBe('1');
    expect(await scraped(other, 'agreement_relay_failures_total')).toBe('0');
  });
});
