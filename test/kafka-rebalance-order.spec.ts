import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { KafkaConsumer } from '../src/kafka/index.js';
import { describeWithOwnKafka, KafkaWorkbench } from './support/kafka/workbench.js';
import { until } from './support/until.js';

const KEYS = 12;
const REBALANCES = 8;

describeWithOwnKafka('a rebalance at every moment', () => {
  let bench: KafkaWorkbench;

  beforeAll(async () => {
    bench = await KafkaWorkbench.start();
    await bench.useTopic(4);
  }, 120_000);

  afterAll(async () => {
    await bench.stopConsumers();
    await bench.stop();
  });

  test('loses no message, and no key has two at once or one before its predecessor', async () => {
    const handled = new Map<string, number[]>();
    const busy = new Set<string>();
    const wrong: string[] = [];
    let everything = 0;
    const member = (): KafkaConsumer =>
      bench.consume('restless', async ({ key, value }) => {
        const name = String(key);
        if (busy.has(name)) wrong.push(`two of ${name} at once`);
        busy.add(name);
        await new Promise((resolve) => setTimeout(resolve, 1));
        busy.delete(name);
        const done = handled.get(name) ?? [];
        const next = Math.max(-1, ...done) + 1;
        if (Number(String(value)) > next) wrong.push(`${String(value)} of ${name} before ${next}`);
        handled.set(name, [...done, Number(String(value))]);
        everything += 1;
      });
    const stays = member();
    await stays.firstConnected;
    let sent = 0;
    let going = true;
    const sending = (async () => {
      for (; going; sent += 1) {
        await bench.send(...Array.from({ length: KEYS }, (_, n): [string, string] => [`k${n}`, String(sent)]));
      }
    })();
    for (let n = 0; n < REBALANCES; n += 1) {
      const guest = member();
      await guest.firstConnected;
      const before = everything;
      await until('some work is done', () => everything > before);
      await guest.stop();
    }
    going = false;
    await sending;
    await until('everything is handled', () => [...handled.values()].every((values) => values.includes(sent - 1)));
    expect(wrong).toEqual([]);
    for (const values of handled.values()) expect(new Set(values).size).toBe(sent);
    await until('all is committed', async () => (await bench.committed('restless')) === sent * KEYS);
  }, 90_000);
});
