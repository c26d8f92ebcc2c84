import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { denyGroup, FORBIDDING } from './support/kafka/denials.js';
import { describeWithOwnKafka, KafkaWorkbench } from './support/kafka/workbench.js';
import { until } from './support/until.js';

const HOUR = 3_600_000;

describeWithOwnKafka('a consumer comes back by itself', () => {
  let bench: KafkaWorkbench;

  beforeAll(async () => {
    bench = await KafkaWorkbench.start(FORBIDDING);
  }, 120_000);

  afterEach(() => bench.stopConsumers());

  afterAll(() => bench.stop());

  /** A consumer at work, and how to see that it still is. */
  async function working(groupId: string, options: Parameters<KafkaWorkbench['consume']>[2] = {}) {
    const received: string[] = [];
    await bench.useTopic(2);
    const consumer = bench.consume(groupId, async ({ value }) => void received.push(String(value)), {
      maxFailures: 1_000,
      ...options,
    });
    await consumer.firstConnected;
    let sent = 0;
    const works = async () => {
      const marks = [`mark-${(sent += 1)}`, `mark-${(sent += 1)}`];
      await bench.send(...marks.map((mark): [string, string] => [mark, mark]));
      await until(`${marks.join()} arrive`, () => marks.every((mark) => received.includes(mark)), 15_000);
    };
    await works();
    return { works, received };
  }

  async function isLost(): Promise<void> {
    const warnings = jest.spyOn(bench.log, 'warn');
    await until('the consumer is lost', () => warnings.mock.calls.some(([, text]) => String(text).includes('is lost')));
    warnings.mockRestore();
  }

  test('from an answer that kafkajs calls not retriable and crashes on', async () => {
    const { works } = await working('denied');
    const allow = await denyGroup(bench.admin, 'denied');
    await isLost();
    await allow();
    await works();
  });

  test('when its topic is deleted and made again', async () => {
    const { works } = await working('deleted');
    await bench.admin.deleteTopics({ topics: [bench.topic] });
    await isLost();
    await bench.admin.createTopics({ topics: [{ topic: bench.topic, numPartitions: 2 }], waitForLeaders: true });
    await works();
  });

  test('when it is put out of its group', async () => {
    const { works } = await working('expelled');
    const [before] = (await bench.group('expelled')).members;
    await bench.expel('expelled');
    await works();
    await until('it is a member again', async () => {
      const { members } = await bench.group('expelled');
      return members.length === 1 && members[0]?.memberId !== before?.memberId;
    });
    await until('its work is committed', async () => (await bench.committed('expelled')) === 4);
  });

  test('when its group is deleted, from the beginning of what is kept', async () => {
    const { works, received } = await working('removed');
    await until('it has committed', async () => (await bench.committed('removed')) === 2);
    await until('the group is gone', async () => {
      await bench.expel('removed');
      const [removed] = await bench.admin.deleteGroups(['removed']);
      return removed?.errorCode === 0;
    });
    await works();
    await until('its work is committed', async () => (await bench.committed('removed')) === 4);
    expect(received.length).toBeGreaterThanOrEqual(4);
  });

  test.each([-HOUR, HOUR])('when the clock of its machine jumps by %i ms', async (jump) => {
    const groupId = `jump${jump}`;
    const { works } = await working(groupId, { stallTimeout: 3_000 });
    const [before] = (await bench.group(groupId)).members;
    const now = Date.now.bind(Date);
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + jump);
    try {
      await until('it has begun anew where it must', async () => {
        const { state, members } = await bench.group(groupId);
        return jump > 0 || (state === 'Stable' && members[0] && members[0].memberId !== before?.memberId);
      });
      await works();
      await until('its work is committed', async () => (await bench.committed(groupId)) === 4);
      const [settled] = (await bench.group(groupId)).members;
      const since = performance.now();
      await until('a session would have ended', () => performance.now() - since > 3_000);
      expect((await bench.group(groupId)).members).toEqual([settled]);
    } finally {
      clock.mockRestore();
    }
  });
});
