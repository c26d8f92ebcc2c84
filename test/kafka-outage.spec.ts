import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { isRecordRefused } from '../src/kafka/index.js';
import { describeWithOwnKafka, KafkaWorkbench } from './support/kafka/workbench.js';
import { until } from './support/until.js';

describeWithOwnKafka('the Kafka client and a broker that fails', () => {
  let bench: KafkaWorkbench;

  beforeAll(async () => {
    bench = await KafkaWorkbench.start();
  }, 120_000);

  afterEach(() => bench.stopConsumers());

  afterAll(() => bench.stop());

  async function consumerIsLost(): Promise<void> {
    const warnings = jest.spyOn(bench.log, 'warn');
    await until('the consumer is lost', () => warnings.mock.calls.some(([, text]) => String(text).includes('is lost')));
    warnings.mockRestore();
  }

  test('producer and consumer survive kill -9 of the broker by themselves, nothing is lost', async () => {
    await bench.useTopic(3);
    const received = new Set<string>();
    // Coming back must not take until the group gives up the member that died with the broker.
    const patient = { sessionTimeout: 60_000 };
    const consumer = bench.consume('outage', async ({ value }) => void received.add(String(value)), patient);
    await consumer.firstConnected;
    let sent = 0;
    let refused = 0;
    const sendUntil = async (enough: () => boolean) => {
      while (!enough()) {
        try {
          await bench.send([`k${sent % 7}`, String(sent)]);
          sent++;
        } catch (error) {
          expect(isRecordRefused(error)).toBe(false);
          refused++;
        }
      }
    };
    await sendUntil(() => sent === 50);
    await bench.broker.kill();
    const sending = sendUntil(() => refused > 0 && sent >= 150);
    await consumerIsLost();
    await until('the producer notices', () => refused > 0);
    await bench.broker.restart();
    await sending;
    await until('everything has arrived', () => received.size === sent, 20_000);
  }, 60_000);

  test('a consumer that hears nothing from a frozen broker is made anew', async () => {
    await bench.useTopic(1);
    const received: string[] = [];
    const consumer = bench.consume('frozen', async ({ value }) => void received.push(String(value)), {
      stallTimeout: 1_500,
    });
    await consumer.firstConnected;
    bench.broker.pause();
    await consumerIsLost();
    bench.broker.resume();
    await bench.send(['a', 'after']);
    await until('the consumer is back', () => received.includes('after'), 20_000);
  }, 40_000);

  test('a consumer that can never work says so once and stops trying', async () => {
    await bench.useTopic(1);
    const fatal: Error[] = [];
    const tooLong = { sessionTimeout: 3_600_000, maxFailures: 3, onFatal: (error: Error) => void fatal.push(error) };
    bench.consume('hopeless', async () => {}, tooLong);
    await until('it gives up', () => fatal.length > 0);
    expect(fatal).toHaveLength(1);
    expect(fatal[0]?.message).toMatch(/session timeout/);
  });
});
