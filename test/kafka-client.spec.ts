import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { ensureTopics, isRecordRefused, type ReceivedMessage } from '../src/kafka/index.js';
import { describeWithOwnKafka, KafkaWorkbench, numbered } from './support/kafka/workbench.js';
import { until } from './support/until.js';

describeWithOwnKafka('the Kafka client', () => {
  let bench: KafkaWorkbench;

  beforeAll(async () => {
    bench = await KafkaWorkbench.start();
  }, 120_000);

  afterEach(() => bench.stopConsumers());

  afterAll(() => bench.stop());

  test('what is sent arrives as it was, and the messages of a key in their order', async () => {
    await bench.useTopic(3);
    const received: ReceivedMessage[] = [];
    const sent = numbered(20, 50);
    await bench.send(...sent);
    bench.consume('order', async (message) => {
      await new Promise(setImmediate);
      received.push(message);
    });
    await until('everything has arrived', () => received.length >= sent.length);
    expect(byKey(received)).toEqual(byKey(sent.map(([key, value]) => ({ key, value: Buffer.from(value) }))));
    expect(received[0]).toMatchObject({ topic: bench.topic, headers: { ce_type: 'test' }, offset: expect.any(String) });
    await until('all is committed', async () => (await bench.committed('order')) === sent.length);
  });

  test('a message in trouble is tried again and holds up its own key only', async () => {
    await bench.useTopic(1);
    const handled: string[] = [];
    const attempts: number[] = [];
    let databaseIsAway = true;
    await bench.send(['a', 'a1'], ['a', 'a2'], ['b', 'b1'], ['c', 'c1'], ['b', 'b2']);
    bench.consume('retry', async ({ value }, { attempt }) => {
      if (String(value) === 'a1') attempts.push(attempt);
      if (String(value) === 'a1' && databaseIsAway) throw new Error('the database is away');
      handled.push(String(value));
    });
    await until('the fifth attempt', () => attempts.length >= 5);
    expect(handled).toEqual(['b1', 'c1', 'b2']);
    expect(await bench.committed('retry')).toBe(0);
    databaseIsAway = false;
    await until('all are handled', () => handled.length === 5);
    expect(handled.slice(3)).toEqual(['a1', 'a2']);
    expect(attempts.slice(0, 5)).toEqual([1, 2, 3, 4, 5]);
    await until('all is committed', async () => (await bench.committed('retry')) === 5);
  });

  test('what a killed consumer had in hand is delivered to the next one, what it had done is not', async () => {
    await bench.useTopic(1);
    await bench.send(['a', 'done'], ['a', 'in hand'], ['a', 'waiting']);
    const { child, said, complained } = stuckConsumer(bench, 'killed');
    await until('the consumer hangs', () => said().includes('hangs at 1'));
    await until('the first message is committed', async () => (await bench.committed('killed')) === 1);
    child.kill('SIGKILL');
    const received: string[] = [];
    bench.consume('killed', async ({ value }) => void received.push(String(value)));
    await until('the rest is delivered', () => received.length >= 2);
    expect(received).toEqual(['in hand', 'waiting']);
    expect(complained()).toBe('');
  });

  test('stop waits for the message in hand and commits it; nothing is handed over afterwards', async () => {
    await bench.useTopic(1);
    await bench.send(['a', '1'], ['a', '2']);
    const hand = Promise.withResolvers<void>();
    const received: string[] = [];
    const consumer = bench.consume('stop', async ({ value }) => {
      received.push(String(value));
      await hand.promise;
    });
    await until('a message is in hand', () => received.length === 1);
    const stopped = consumer.stop();
    hand.resolve();
    await stopped;
    expect(received).toEqual(['1']);
    expect(await bench.committed('stop')).toBe(1);
  });

  test('a second member takes its share; no key is handled by both at once, nothing is lost', async () => {
    await bench.useTopic(4);
    const sent = numbered(40, 10);
    const handled: ReceivedMessage[] = [];
    const busy = new Set<string | null>();
    const overlaps: (string | null)[] = [];
    const members = [new Set<number>(), new Set<number>()];
    const member = (index: number) =>
      bench.consume('two', async (message) => {
        if (busy.has(message.key)) overlaps.push(message.key);
        busy.add(message.key);
        await new Promise(setImmediate);
        busy.delete(message.key);
        handled.push(message);
        members[index]?.add(message.partition);
      });
    await member(0).firstConnected;
    await bench.send(...sent.slice(0, 200));
    const second = member(1).firstConnected;
    await bench.send(...sent.slice(200));
    await second;
    const distinct = () => new Set(handled.map(({ key, value }) => `${key} ${String(value)}`)).size;
    await until('all are handled', () => distinct() === sent.length);
    await until('the second member has partitions', async () => {
      await bench.send(['more', 'x'], ...numbered(40, 1));
      return members[1]?.size === 2;
    });
    expect(overlaps).toEqual([]);
  });

  test('a member that is stopped while it joins does not come back to life', async () => {
    await bench.useTopic(4);
    const hand = Promise.withResolvers<void>();
    const received = new Set<string>();
    await bench.send(...numbered(8, 1));
    const first = bench.consume('joining', async ({ value }) => {
      received.add(String(value));
      await hand.promise;
    });
    await first.firstConnected;
    await until('all keys are in hand', () => received.size === 8);
    const stranger = bench.consume('joining', async () => expect('the stopped member').toBe('silent'));
    await until(
      'the group waits for its first member',
      async () => (await bench.group('joining')).state === 'PreparingRebalance',
    );
    await stranger.stop(0);
    hand.resolve();
    await until('the group has settled on one member', async () => {
      const { state, members } = await bench.group('joining');
      return state === 'Stable' && members.length === 1;
    });
    await bench.send(...numbered(20, 1));
    await until('the first member has everything', () => received.size === 20);
  });

  test('only a record that Kafka refuses for itself counts as refused', async () => {
    await bench.useTopic(1);
    const tooLarge = await bench.send(['a', 'x'.repeat(2_000_000)]).catch((error: unknown) => error);
    expect(isRecordRefused(tooLarge)).toBe(true);
    bench.topic = 'there-is-no-such-topic';
    const missing = await bench.send(['a', 'x']).catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(Error);
    expect(isRecordRefused(missing)).toBe(false);
  });

  test('a batch larger than a broker takes at once is sent in parts, in order', async () => {
    await bench.useTopic(1);
    const sent = numbered(1, 30).map(([key, value]): [string, string] => [key, value.padEnd(100_000)]);
    await bench.send(...sent);
    const received: string[] = [];
    bench.consume('parts', async ({ value }) => void received.push(String(value).trim()));
    await until('everything has arrived', () => received.length >= sent.length);
    expect(received).toEqual(sent.map(([, value]) => value.trim()));
  });

  test('topics that are missing are made, others are left alone', async () => {
    const names = [await bench.useTopic(1), `made-${randomUUID()}`];
    await ensureTopics(bench.newKafka(), names, bench.log);
    const { topics } = await bench.admin.fetchTopicMetadata({ topics: names });
    expect(Object.fromEntries(topics.map(({ name, partitions }) => [name, partitions.length]))).toEqual({
      [String(names[0])]: 1,
      [String(names[1])]: 6,
    });
  });

  test('no connection keeps the process awake with timers (issues 1704 and 1751 of kafkajs)', async () => {
    await bench.useTopic(1);
    const timers = jest.spyOn(globalThis, 'setTimeout');
    const received: string[] = [];
    bench.consume('timers', async ({ value }) => void received.push(String(value)));
    await bench.send(['a', '1']);
    await until('a message is in hand', () => received.length === 1);
    const delays = timers.mock.calls.map(([, delay]) => Number(delay));
    timers.mockRestore();
    expect(delays.filter((delay) => delay < 0)).toEqual([]);
  });
});

function byKey(messages: readonly { key: string | null; value: Buffer | null }[]): Record<string, string[]> {
  const grouped: Record<string, string[]> = {};
  for (const { key, value } of messages) (grouped[String(key)] ??= []).push(String(value));
  return grouped;
}

function stuckConsumer({ broker, topic }: KafkaWorkbench, groupId: string) {
  const hook = new URL('./support/typescript-hook.mjs', import.meta.url).href;
  const script = fileURLToPath(new URL('./support/kafka/stuck-consumer.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', hook, script, String(broker.brokers[0]), topic, groupId]);
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => (out += String(data)));
  child.stderr.on('data', (data) => (err += String(data)));
  return { child, said: () => out, complained: () => err };
}
