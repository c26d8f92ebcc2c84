import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { describeWithOwnKafka } from './support/kafka/workbench.js';
import { type KafkaBroker, startKafkaBroker } from './support/kafka-broker.js';
import { type Scrape, startMeasured } from './support/metrics.js';
import { until } from './support/until.js';

describeWithOwnKafka('while Kafka is away', () => {
  const database = useDatabase();
  let broker: KafkaBroker;
  let service: Awaited<ReturnType<typeof startMeasured>>;

  beforeAll(async () => {
    broker = await startKafkaBroker({ own: true });
    service = await startMeasured(database, { KAFKA_BROKERS: broker.brokers.join(',') });
  }, 90_000);
  afterAll(async () => {
    await service.stop();
    await broker.stop();
  }, 60_000);

  const knowsKafka = (scrape: Scrape) => scrape.value('agreement_consumer_lag_messages') !== undefined;

  /** Waits for a scrape that knows of Kafka, or does not; each until then must come within two seconds. */
  async function scraped(what: string, known: boolean): Promise<Scrape> {
    let slowest = 0;
    const found = await until(
      what,
      async () => {
        const askedAt = performance.now();
        const scrape = await service.scrape();
        slowest = Math.max(slowest, performance.now() - askedAt);
        return knowsKafka(scrape) === known ? scrape : undefined;
      },
      40_000,
    );
    expect(slowest).toBeLessThan(2_000);
    return found;
  }

  it.each([
    ['killed', async () => broker.kill(), async () => broker.restart()],
    ['frozen', async () => broker.pause(), async () => broker.resume()],
  ])(
    'a scrape is answered without what only Kafka knows, and has it again: %s',
    async (_how, end, begin) => {
      await scraped('the lag is known', true);
      await end();
      const away = await scraped('it is noticed', false);
      expect(away.value('agreement_dead_letters_waiting')).toBeUndefined();
      expect(away.value('agreement_database_up')).toBe(1);
      expect(away.value('agreement_outbox_waiting_rows')).toBeDefined();
      await begin();
      await scraped('the lag is known again', true);
    },
    90_000,
  );
});
