import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { describeWithOwnKafka, KafkaWorkbench, numbered } from './support/kafka/workbench.js';
import { until } from './support/until.js';

const BOUND = 4;

describeWithOwnKafka('keys side by side', () => {
  let bench: KafkaWorkbench;

  beforeAll(async () => {
    bench = await KafkaWorkbench.start();
  }, 120_000);

  afterEach(() => bench.stopConsumers());

  afterAll(() => bench.stop());

  test('are never more than the bound at once, over all partitions, and as many as it where there is work', async () => {
    await bench.useTopic(3);
    const sent = numbered(30, 10);
    await bench.send(...sent);
    const busy = new Set<string | null>();
    const handled: Record<string, number[]> = {};
    let most = 0;
    let count = 0;
    const handle = async ({ key, value }: { key: string | null; value: Buffer | null }) => {
      expect(busy.has(key)).toBe(false);
      most = Math.max(most, busy.add(key).size);
      await new Promise((resolve) => setTimeout(resolve, 2));
      busy.delete(key);
      (handled[String(key)] ??= []).push(Number(String(value)));
      count += 1;
    };
    bench.consume('bound', handle, { concurrency: BOUND });
    await until('everything is handled', () => count === sent.length);
    expect(most).toBe(BOUND);
    const inOrder = Object.values(handled).map((values) => values.toSorted((a, b) => a - b));
    expect(Object.values(handled)).toEqual(inOrder);
  });

  test('do not wait for a slow one, and its place is the only one that it takes', async () => {
    await bench.useTopic(3);
    const hand = Promise.withResolvers<void>();
    const handled: string[] = [];
    await bench.send(['slow', 'slow'], ...numbered(20, 20), ['slow', 'behind it']);
    bench.consume(
      'slow',
      async ({ value }) => {
        if (String(value) === 'slow') await hand.promise;
        handled.push(String(value));
      },
      { concurrency: 2 },
    );
    await until('all others are handled', () => handled.length === 400).finally(() => hand.resolve());
    expect(handled).not.toContain('behind it');
    await until('the slow key is handled', () => handled.length === 402);
    expect(handled.slice(-2)).toEqual(['slow', 'behind it']);
    await until('all is committed', async () => (await bench.committed('slow')) === 402);
  });
});
