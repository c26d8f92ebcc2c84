import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Admin, Kafka } from 'kafkajs';
import { pino } from 'pino';
import {
  createKafka,
  ensureTopics,
  isRecordRefused,
  KafkaConsumer,
  type KafkaConsumerOptions,
  KafkaProducer,
  type MessageHandler,
  type ReceivedMessage,
} from '../src/kafka/index.js';
import { type KafkaBroker, kafkaAvailability, startKafkaBroker } from './support/kafka-broker.js';

const available = kafkaAvailability({ own: true });
const why = 'missing' in available ? ` (${available.missing})` : '';
const withKafka = why === '' || process.env['CI'] === 'true' ? describe : describe.skip;

withKafka(`the Kafka client on a real broker${why}`, () => {
  let broker: KafkaBroker;
  let kafka: Kafka;
  let admin: Admin;
  let producer: KafkaProducer;
  let topic: string;
  const log = pino({ level: 'silent' });
  const open: KafkaConsumer[] = [];

  beforeAll(async () => {
    broker = await startKafkaBroker({ own: true });
    kafka = newKafka();
    admin = kafka.admin();
    producer = new KafkaProducer(kafka, 'set by each test', log);
    await Promise.all([admin.connect(), producer.connect()]);
  }, 120_000);

  afterEach(async () => {
    await Promise.all(open.splice(0).map((consumer) => consumer.stop()));
  });

  afterAll(async () => {
    await Promise.all([producer.disconnect(), admin.disconnect()]);
    await broker.stop();
  });

  function newKafka(): Kafka {
    const names = { topic: 'topic', dlqTopic: 'dlq', groupId: 'group', clientId: 'spec' };
    return createKafka({ brokers: broker.brokers, ...names, ssl: false }, log);
  }

  async function aTopic(partitions = 3): Promise<string> {
    topic = `t-${randomUUID()}`;
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] });
    return topic;
  }

  function send(...keyed: [key: string, value: string][]): Promise<void> {
    return producer.sendBatch(
      keyed.map(([key, value]) => ({ key, value, headers: { ce_type: 'test' } })),
      topic,
    );
  }

  function consume(groupId: string, handle: MessageHandler, options: Partial<KafkaConsumerOptions> = {}) {
    const onFatal = (error: Error) => {
      throw error;
    };
    const quick = {
      sessionTimeout: 2_000,
      retryDelay: { initial: 20, max: 50 },
      restartDelay: { initial: 50, max: 200 },
    };
    const consumer = new KafkaConsumer(newKafka(), { topic, groupId, onFatal, ...quick, ...options }, log);
    open.push(consumer);
    consumer.run(handle);
    return consumer;
  }

  async function group(groupId: string): Promise<{ state: string; members: unknown[] }> {
    const { groups } = await admin.describeGroups([groupId]);
    return groups[0] ?? { state: 'unknown', members: [] };
  }

  async function committed(groupId: string): Promise<number> {
    const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
    return (offsets?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
  }

  test('what is sent arrives as it was, and the messages of a key in their order', async () => {
    await aTopic();
    const received: ReceivedMessage[] = [];
    const sent = numbered(20, 50);
    await send(...sent);
    consume('order', async (message) => {
      await new Promise(setImmediate);
      received.push(message);
    });
    await until(() => received.length >= sent.length);
    expect(byKey(received)).toEqual(byKey(sent.map(([key, value]) => ({ key, value: Buffer.from(value) }))));
    expect(received[0]).toMatchObject({ topic, headers: { ce_type: 'test' }, offset: expect.any(String) });
    await until(async () => (await committed('order')) === sent.length);
  });

  test('a message in trouble is tried again and holds up its own key only', async () => {
    await aTopic(1);
    const handled: string[] = [];
    const attempts: number[] = [];
    let databaseIsAway = true;
    await send(['a', 'a1'], ['a', 'a2'], ['b', 'b1'], ['c', 'c1'], ['b', 'b2']);
    consume('retry', async ({ value }, { attempt }) => {
      if (String(value) === 'a1') attempts.push(attempt);
      if (String(value) === 'a1' && databaseIsAway) throw new Error('the database is away');
      handled.push(String(value));
    });
    await until(() => attempts.length >= 5);
    expect(handled).toEqual(['b1', 'c1', 'b2']);
    expect(await committed('retry')).toBe(0);
    databaseIsAway = false;
    await until(() => handled.length === 5);
    expect(handled.slice(3)).toEqual(['a1', 'a2']);
    expect(attempts.slice(0, 5)).toEqual([1, 2, 3, 4, 5]);
    await until(async () => (await committed('retry')) === 5);
  });

  test('what a killed consumer had in hand is delivered to the next one, what it had done is not', async () => {
    await aTopic(1);
    await send(['a', 'done'], ['a', 'in hand'], ['a', 'waiting']);
    const { child, said, complained } = stuckConsumer(broker, topic, 'killed');
    await until(() => said().includes('hangs at 1'));
    await until(async () => (await committed('killed')) === 1);
    child.kill('SIGKILL');
    const received: string[] = [];
    consume('killed', async ({ value }) => void received.push(String(value)));
    await until(() => received.length >= 2);
    expect(received).toEqual(['in hand', 'waiting']);
    expect(complained()).toBe('');
  });

  test('stop waits for the message in hand and commits it; nothing is handed over afterwards', async () => {
    await aTopic(1);
    await send(['a', '1'], ['a', '2']);
    const hand = Promise.withResolvers<void>();
    const received: string[] = [];
    const consumer = consume('stop', async ({ value }) => {
      received.push(String(value));
      await hand.promise;
    });
    await until(() => received.length === 1);
    const stopped = consumer.stop();
    hand.resolve();
    await stopped;
    expect(received).toEqual(['1']);
    expect(await committed('stop')).toBe(1);
  });

  test('a second member takes its share; no key is handled by both at once, nothing is lost', async () => {
    await aTopic(4);
    const sent = numbered(40, 10);
    const handled: ReceivedMessage[] = [];
    const busy = new Set<string | null>();
    const overlaps: (string | null)[] = [];
    const members = [new Set<number>(), new Set<number>()];
    const member = (index: number) =>
      consume('two', async (message) => {
        if (busy.has(message.key)) overlaps.push(message.key);
        busy.add(message.key);
        await new Promise(setImmediate);
        busy.delete(message.key);
        handled.push(message);
        members[index]?.add(message.partition);
      });
    await member(0).firstConnected;
    await send(...sent.slice(0, 200));
    const second = member(1).firstConnected;
    await send(...sent.slice(200));
    await second;
    const distinct = () => new Set(handled.map(({ key, value }) => `${key} ${String(value)}`)).size;
    await until(() => distinct() === sent.length);
    await until(async () => {
      await send(['more', 'x'], ...numbered(40, 1));
      return members[1]?.size === 2;
    });
    expect(overlaps).toEqual([]);
  });

  test('a member that is stopped while it joins does not come back to life', async () => {
    await aTopic(4);
    const hand = Promise.withResolvers<void>();
    const received = new Set<string>();
    await send(...numbered(8, 1));
    const first = consume('joining', async ({ value }) => {
      received.add(String(value));
      await hand.promise;
    });
    await first.firstConnected;
    await until(() => received.size === 8);
    const stranger = consume('joining', async () => expect('the stopped member').toBe('silent'));
    await until(async () => (await group('joining')).state === 'PreparingRebalance');
    await stranger.stop(0);
    hand.resolve();
    await until(
      async () => (await group('joining')).state === 'Stable' && (await group('joining')).members.length === 1,
    );
    await send(...numbered(20, 1));
    await until(() => received.size === 20);
  });

  test('producer and consumer survive kill -9 of the broker by themselves, nothing is lost', async () => {
    await aTopic();
    const received = new Set<string>();
    consume('outage', async ({ value }) => void received.add(String(value)));
    let sent = 0;
    let refused = 0;
    const sendUntil = async (enough: () => boolean) => {
      while (!enough()) {
        try {
          await send([`k${sent % 7}`, String(sent)]);
          sent++;
        } catch (error) {
          expect(isRecordRefused(error)).toBe(false);
          refused++;
        }
      }
    };
    await sendUntil(() => sent === 50);
    await broker.kill();
    const sending = sendUntil(() => refused > 0 && sent >= 150);
    await until(() => refused > 0);
    await broker.restart();
    await sending;
    await until(() => received.size === sent, 20_000);
  }, 60_000);

  test('a consumer that hears nothing from a frozen broker is made anew', async () => {
    await aTopic(1);
    const received: string[] = [];
    const consumer = consume('frozen', async ({ value }) => void received.push(String(value)), { stallTimeout: 1_500 });
    await consumer.firstConnected;
    const lost = jest.spyOn(log, 'warn');
    broker.pause();
    await until(() => lost.mock.calls.some(([, text]) => String(text).includes('is lost')));
    lost.mockRestore();
    broker.resume();
    await send(['a', 'after']);
    await until(() => received.includes('after'), 20_000);
  }, 40_000);

  test('a consumer that can never work says so once and stops trying', async () => {
    await aTopic(1);
    const fatal: Error[] = [];
    const tooLong = { sessionTimeout: 3_600_000, maxFailures: 3, onFatal: (error: Error) => void fatal.push(error) };
    consume('hopeless', async () => {}, tooLong);
    await until(() => fatal.length > 0);
    expect(fatal).toHaveLength(1);
    expect(fatal[0]?.message).toMatch(/session timeout/);
  });

  test('only a record that Kafka refuses for itself counts as refused', async () => {
    await aTopic(1);
    const tooLarge = await send(['a', 'x'.repeat(2_000_000)]).catch((error: unknown) => error);
    expect(isRecordRefused(tooLarge)).toBe(true);
    topic = 'there-is-no-such-topic';
    const missing = await send(['a', 'x']).catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(Error);
    expect(isRecordRefused(missing)).toBe(false);
  });

  test('a batch larger than a broker takes at once is sent in parts, in order', async () => {
    await aTopic(1);
    const sent = numbered(1, 30).map(([key, value]): [string, string] => [key, value.padEnd(100_000)]);
    await send(...sent);
    const received: string[] = [];
    consume('parts', async ({ value }) => void received.push(String(value).trim()));
    await until(() => received.length >= sent.length);
    expect(received).toEqual(sent.map(([, value]) => value.trim()));
  });

  test('topics that are missing are made, others are left alone', async () => {
    const names = [await aTopic(1), `made-${randomUUID()}`];
    await ensureTopics(kafka, names, log);
    const { topics } = await admin.fetchTopicMetadata({ topics: names });
    expect(Object.fromEntries(topics.map(({ name, partitions }) => [name, partitions.length]))).toEqual({
      [String(names[0])]: 1,
      [String(names[1])]: 6,
    });
  });

  test('no connection keeps the process awake with timers (issues 1704 and 1751 of kafkajs)', async () => {
    await aTopic(1);
    const timers = jest.spyOn(globalThis, 'setTimeout');
    const received: string[] = [];
    consume('timers', async ({ value }) => void received.push(String(value)));
    await send(['a', '1']);
    await until(() => received.length === 1);
    const delays = timers.mock.calls.map(([, delay]) => Number(delay));
    timers.mockRestore();
    expect(delays.filter((delay) => delay < 0)).toEqual([]);
  });
});

function numbered(keys: number, each: number): [key: string, value: string][] {
  return Array.from({ length: keys * each }, (_, n) => [`k${n % keys}`, String(n)]);
}

function byKey(messages: readonly { key: string | null; value: Buffer | null }[]): Record<string, string[]> {
  const grouped: Record<string, string[]> = {};
  for (const { key, value } of messages) (grouped[String(key)] ??= []).push(String(value));
  return grouped;
}

function stuckConsumer(broker: KafkaBroker, topic: string, groupId: string) {
  const hook = new URL('./support/typescript-hook.mjs', import.meta.url).href;
  const script = fileURLToPath(new URL('./support/kafka/stuck-consumer.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', hook, script, String(broker.brokers[0]), topic, groupId]);
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => (out += String(data)));
  child.stderr.on('data', (data) => (err += String(data)));
  return { child, said: () => out, complained: () => err };
}

async function until(condition: () => boolean | Promise<boolean>, within = 10_000): Promise<void> {
  const deadline = Date.now() + within;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${within} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
