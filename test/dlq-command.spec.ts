import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Api, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { describeWithKafka, testKafkaBrokers } from './support/kafka.js';
import { KafkaTopics } from './support/kafka-topics.js';
import { useProcesses } from './support/process.js';
import { cliData, runCli } from './support/program.js';
import { testEnvironment } from './support/service.js';
import { until } from './support/until.js';

const REQUESTED = 'clients.agreement.CodeRequested.v1';

interface Letter {
  readonly position: string;
  readonly key: string;
}

describeWithKafka('the command dlq, beside a running service', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let topics: KafkaTopics;
  let api: Api;
  let env: Record<string, string>;

  beforeAll(async () => {
    topics = new KafkaTopics(testKafkaBrokers());
    await topics.open();
    env = topics.environment;
    api = (await (await processes.start(testEnvironment(database, env))).ready()).api;
  }, 60_000);

  afterAll(() => topics.close());

  const envelope = () => ({ ce_specversion: '1.0', ce_id: randomUUID(), ce_type: REQUESTED, traceparent: 'x' });
  const lettersOf = async (key: string, ...options: string[]): Promise<Letter[]> => {
    const { letters } = await cliData(['dlq', 'list', ...options], env);
    return letters.filter((letter: Letter) => letter.key === key);
  };
  const waitingOf = (key: string, count = 1) =>
    until(`${count} dead letters of ${key}`, async () => {
      const found = await lettersOf(key);
      return found.length === count ? found : undefined;
    });

  it('shows what could not be handled, replays it in vain, and with success when the world is repaired', async () => {
    const phone = freshPhone();
    const { reference } = await api.createAndAwaitCode({ phone });
    const value = JSON.stringify({ reference, generation: 2 });
    const headers = envelope();
    await topics.producer.sendBatch([{ key: reference, value, headers }]);

    const [letter] = await waitingOf(reference);
    expect(letter).toMatchObject({
      key: reference,
      type: REQUESTED,
      reason: expect.stringMatching(/generation 2/),
      waits: true,
    });
    const { code, stdout } = await runCli(['dlq', 'show', letter!.position], env);
    expect(code).toBe(0);
    for (const part of [value, `ce_id: ${headers.ce_id}`, 'dlq_reason: ', letter!.position])
      expect(stdout).toContain(part);

    expect(await runCli(['dlq', 'replay'], env)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/1 message replayed\.\n$/),
    });
    const [back] = await waitingOf(reference);
    expect(back!.position).not.toBe(letter!.position);
    expect(await lettersOf(reference, '--all')).toMatchObject([
      { position: letter!.position, waits: false },
      { position: back!.position, waits: true, value, headers: expect.objectContaining(headers) },
    ]);

    await database.query('UPDATE agreement SET generation = 2, requested_at = now() WHERE reference = $1', [reference]);
    expect(await cliData(['dlq', 'replay'], env)).toMatchObject({
      replayed: [{ position: back!.position }],
      stopped: [],
    });
    await api.codeSentTo(phone, 2);
    expect(await cliData(['dlq', 'list'], env)).toEqual({ waiting: 0, more: false, letters: [] });
  });

  it.each<[string, { key: string | null; value: string | null }]>([
    ['without a value', { key: randomUUID(), value: null }],
    ['without a key', { key: null, value: 'x' }],
    ['with an empty value', { key: randomUUID(), value: '' }],
  ])('buries and replays a message %s as it was', async (_, message) => {
    const headers = envelope();
    await topics.put({ ...message, headers });
    const copies = (topic: string) =>
      topics.messages.filter((one) => one.topic === topic && one.headers['ce_id'] === headers.ce_id);
    const asSent = { key: message.key, value: message.value === null ? null : Buffer.from(message.value) };
    const [dead] = await until('the dead letter', () =>
      copies(topics.names.dlqTopic).length > 0 ? copies(topics.names.dlqTopic) : undefined,
    );
    expect(dead).toMatchObject(asSent);

    await runCli(['dlq', 'replay'], env);
    await until('it is back', () => copies(topics.names.topic).length === 2);
    expect(copies(topics.names.topic)[1]).toMatchObject({ ...asSent, headers });
    await until('it is buried again', () => copies(topics.names.dlqTopic).length === 2);
    const position = `${copies(topics.names.dlqTopic)[1]!.partition}:${copies(topics.names.dlqTopic)[1]!.offset}`;
    expect(await runCli(['dlq', 'drop', position], env)).toMatchObject({ code: 0 });
  });

  it('takes the original of a message that was too large to be kept', async () => {
    const key = randomUUID();
    const headers = envelope();
    // The largest that the broker takes: with the reason added it would be too large.
    let size = 1_048_588;
    const fits = () =>
      topics.put({ key, value: 'x'.repeat(size), headers }).then(
        () => true,
        () => false,
      );
    await until('the broker takes it', async () => (await fits()) || (size -= 25) === 0);
    const [letter] = await waitingOf(key);
    expect(letter).toMatchObject({ left_out: 'value', value: null, headers: { dlq_left_out: 'value' } });

    expect(await runCli(['dlq', 'replay', letter!.position], env)).toMatchObject({ code: 0 });
    const copies = () => topics.messages.filter((one) => one.topic === topics.names.topic && one.key === key);
    await until('it is back', () => copies().length === 2);
    expect(copies()[1]).toMatchObject({ headers, value: copies()[0]!.value });
    const [back] = await waitingOf(key);
    expect(await runCli(['dlq', 'drop', back!.position], env)).toMatchObject({ code: 0 });
  });
});
