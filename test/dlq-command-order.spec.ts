import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { describeWithKafka, testKafkaBrokers } from './support/kafka.js';
import { KafkaTopics } from './support/kafka-topics.js';
import { cliData, runCli } from './support/program.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { until } from './support/until.js';

const LINE = /^[^\n]+\n$/;

describeWithKafka('the command dlq', () => {
  let topics: KafkaTopics;
  let env: Record<string, string>;

  beforeEach(async () => {
    topics = new KafkaTopics(testKafkaBrokers());
    await topics.open();
    env = topics.environment;
  });
  afterEach(() => topics.close());

  const dlq = (...args: string[]) => runCli(['dlq', ...args], env);
  const waiting = async (...options: string[]): Promise<string[]> => {
    const { letters } = await cliData(['dlq', 'list', ...options], env);
    return letters.map(({ position }: { position: string }) => position);
  };
  const replayed = () =>
    topics.messages.filter(({ topic }) => topic === topics.names.topic).map(({ value }) => String(value));

  /** Dead letters of one key, so of one partition; gives it. */
  async function buried(values: string[], headersOf: Record<string, Record<string, string>> = {}): Promise<number> {
    const key = randomUUID();
    const messages = values.map((value) => ({ key, value, headers: { dlq_reason: 'a test', ...headersOf[value] } }));
    await topics.producer.sendBatch(messages, topics.names.dlqTopic);
    const found = await until('they are there', () => topics.deadLetters().find((letter) => letter.key === key));
    return found.partition;
  }

  it('finds nothing in an empty topic, and nothing to do', async () => {
    expect(await dlq('list')).toMatchObject({ code: 0, stdout: '0 waiting\n' });
    expect(await dlq('replay')).toMatchObject({ code: 0, stdout: '0 messages replayed.\n' });
    expect(await dlq('show', '0:0')).toMatchObject({ code: 1, stderr: 'There is no dead letter at 0:0\n' });
    expect(await dlq('drop', '9:0')).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(LINE) });
  });

  it('takes a topic that is not there for an empty one', async () => {
    env = { ...env, KAFKA_DLQ_TOPIC: `none-${randomUUID()}` };
    expect(await cliData(['dlq', 'list'], env)).toEqual({ waiting: 0, more: false, letters: [] });
    expect(await dlq('replay')).toMatchObject({ code: 0 });
  });

  it('replays all that wait in their order, and each only once', async () => {
    const partition = await buried(['a', 'b', 'c']);
    expect(await waiting('--limit', '2')).toEqual([`${partition}:0`, `${partition}:1`]);
    expect(await dlq('list', '--limit', '2')).toMatchObject({
      stdout: expect.stringMatching(/… and more.*\n3 waiting\n$/),
    });
    expect(await dlq('replay')).toMatchObject({ code: 0, stdout: expect.stringMatching(/3 messages replayed/) });
    await until('all are back', () => replayed().length === 3);
    expect(replayed()).toEqual(['a', 'b', 'c']);
    expect(await dlq('replay')).toMatchObject({ code: 0, stdout: '0 messages replayed.\n' });
    expect(await waiting()).toEqual([]);
    expect(await waiting('--all')).toHaveLength(3);
  });

  it('replays one of them, which is put right only when nothing waits before it', async () => {
    const partition = await buried(['a', 'b']);
    expect(await dlq('replay', `${partition}:1`)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`because ${partition}:0 stands before it`),
    });
    expect(await waiting()).toEqual([`${partition}:0`, `${partition}:1`]);
    expect(await dlq('replay', `${partition}:0`)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/Replayed\.\n$/),
    });
    expect(await waiting()).toEqual([`${partition}:1`]);
    await until('both are back', () => replayed().length === 2);
    expect(replayed()).toEqual(['b', 'a']);
  });

  it('drops only the first that waits', async () => {
    const partition = await buried(['a', 'b']);
    const [first, second] = [`${partition}:0`, `${partition}:1`];
    expect(await dlq('drop', second)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${first} waits before`),
    });
    expect(await waiting()).toEqual([first, second]);
    expect(await dlq('drop', first)).toMatchObject({ code: 0 });
    expect(await cliData(['dlq', 'drop', second], env)).toMatchObject({ dropped: { position: second, waits: false } });
    expect(await dlq('drop', first)).toMatchObject({ code: 1, stderr: expect.stringMatching(/does not wait/) });
    expect(await waiting()).toEqual([]);
    expect(replayed()).toEqual([]);
  });

  it('stops a partition at what cannot be replayed, and says how to go on', async () => {
    const gone = { dlq_left_out: 'value', dlq_source_partition: '0', dlq_source_offset: '4711' };
    const partition = await buried(['a', 'b', 'c'], { b: gone });
    const { code, stdout, stderr } = await dlq('replay');
    expect(code).toBe(1);
    expect(stdout).toMatch(/1 message replayed\.\n$/);
    expect(stderr).toMatch(LINE);
    expect(stderr).toMatch(new RegExp(`^${partition}:1 was not replayed: .*0:4711 of .* no longer there.*dlq drop`));
    expect(await dlq('replay', `${partition}:1`)).toMatchObject({ code: 1, stdout: '' });
    expect(await waiting()).toEqual([`${partition}:1`, `${partition}:2`]);
    expect(await dlq('drop', `${partition}:1`)).toMatchObject({ code: 0 });
    expect(await dlq('replay')).toMatchObject({ code: 0 });
    await until('the others are back', () => replayed().length === 2);
    expect(replayed()).toEqual(['a', 'c']);
  });

  it('passes over nothing that was not acknowledged', async () => {
    const partition = await buried(['a']);
    const { code, stderr } = await runCli(['dlq', 'replay'], { ...env, KAFKA_TOPIC: `none-${randomUUID()}` });
    expect(code).toBe(3);
    expect(stderr).toMatch(/^0 messages replayed, then Kafka went away/);
    expect(await waiting()).toEqual([`${partition}:0`]);
  });

  it('leaves no group behind but the one that remembers what is put right', async () => {
    await buried(['a', 'b']);
    await dlq('list', '--all');
    await dlq('replay');
    const admin = new Kafka({ brokers: testKafkaBrokers(), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const { groups } = await admin.listGroups();
    const { groupId } = topics.names;
    const ours = groups.map((group) => group.groupId).filter((id) => id.startsWith(groupId));
    const [mark] = await admin.fetchOffsets({ groupId: `${groupId}-dlq`, topics: [topics.names.dlqTopic] });
    await admin.disconnect();
    expect(ours).toEqual([`${groupId}-dlq`]);
    expect(mark!.partitions.map(({ offset }) => offset).sort()).toEqual(['-1', '-1', '2']);
  });

  it.each([
    [['dlq']],
    [['dlq', 'drop']],
    [['dlq', 'show', '17']],
    [['dlq', 'replay', '0:1', '0:2']],
    [['dlq', 'list', '--al']],
  ])('says in a line how %j is typed', async (args) => {
    expect(await runCli(args, env)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^[^\n]+ Usage: dlq list .*\n$/),
    });
  });

  it('says what is missing where there is no Kafka in the settings', async () => {
    expect(await runCli(['dlq', 'list'], {})).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('KAFKA_BROKERS: must'),
    });
  });

  it.each([
    ['nobody listens', 'cut'],
    ['nobody answers', 'freeze'],
  ] as const)('says so within 5 s where %s', async (_, fault) => {
    const proxy = await TcpProxy.to(Number(testKafkaBrokers()[0]!.split(':')[1]));
    await proxy.open();
    await proxy[fault]();
    const asked = performance.now();
    const { code, stdout, stderr } = await runCli(['dlq', 'replay'], {
      ...env,
      KAFKA_BROKERS: `127.0.0.1:${proxy.port}`,
    });
    expect(performance.now() - asked).toBeLessThan(6_500);
    await proxy.cut();
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/^Kafka cannot be reached: [^\n]+\n$/);
  });
});
