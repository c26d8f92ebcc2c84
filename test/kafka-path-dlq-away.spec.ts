import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Admin, ConfigResourceTypes, Partitioners, type Producer } from 'kafkajs';
import { pino } from 'pino';
import { createKafka } from '../src/kafka/index.js';
import { type Api, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { describeWithKafka, testKafkaBrokers } from './support/kafka.js';
import { KafkaTopics } from './support/kafka-topics.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { until } from './support/until.js';

const PARTITIONS = 3;

describeWithKafka('a message that cannot be handled, and no dead letter topic', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let topics: KafkaTopics;
  let admin: Admin;
  let producer: Producer;
  let service: ServiceProcess;
  let api: Api;

  beforeAll(async () => {
    topics = new KafkaTopics(testKafkaBrokers());
    await topics.open();
    const names = { ...topics.names, clientId: 'spec', brokers: testKafkaBrokers(), ssl: false as const };
    const kafka = createKafka(names, pino({ level: 'silent' }));
    admin = kafka.admin();
    producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await Promise.all([admin.connect(), producer.connect()]);
    service = await (await processes.start(testEnvironment(database, topics.environment))).ready();
    api = service.api;
  }, 60_000);

  afterAll(() => Promise.all([topics.close(), admin.disconnect(), producer.disconnect()]));

  async function committed(partition: number): Promise<number> {
    const { topic, groupId } = topics.names;
    const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
    return Number(offsets?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
  }

  /** An agreement whose first event went to this partition, or to another one. */
  async function createOn(partition: number, there: boolean): Promise<{ phone: string; reference: string }> {
    for (;;) {
      const phone = freshPhone();
      const { status, body } = await api.create({ phone });
      expect(status).toBe(201);
      const reference = String(body['reference']);
      const event = await topics.event(reference, 'AgreementCreated');
      if ((event.partition === partition) === there) return { phone, reference };
    }
  }

  it('is not committed while the other partitions go on; once the topic is there it is buried, and its partition goes on', async () => {
    const { topic, dlqTopic } = topics.names;
    await admin.deleteTopics({ topics: [dlqTopic] });
    const key = randomUUID();
    const [poison] = await producer.send({ topic, messages: [{ key, value: 'x', partition: 0 }] });
    await until('it was tried', () => service.output.includes('could not be handled'));
    const others = [await createOn(0, false), await createOn(0, false), await createOn(0, false)];
    for (const { reference } of others) await topics.event(reference, 'CodeSent');
    const behind = await createOn(0, true);
    await until('it was tried again', () => service.output.split('could not be handled').length > 3, 20_000);
    expect(await committed(0)).toBeLessThanOrEqual(Number(poison?.baseOffset));

    await admin.createTopics({ topics: [{ topic: dlqTopic, numPartitions: PARTITIONS }], waitForLeaders: true });
    const dead = await until('it is buried', () => topics.deadLetters().find((one) => one.key === key), 20_000);
    expect(dead.headers).toMatchObject({ dlq_source_partition: '0', dlq_source_offset: poison?.baseOffset });
    await api.codeSentTo(behind.phone);
    await until('it is committed', async () => (await committed(0)) > Number(poison?.baseOffset));
    for (const { reference } of [...others, behind]) {
      const ids = topics.events(reference).map(({ headers }) => headers['ce_id']);
      expect(new Set(ids).size).toBe(ids.length);
    }
  }, 60_000);

  it('of 2 MB, which only the topic of events takes, is buried without its value, and the next one is handled within 5 s', async () => {
    const { topic } = topics.names;
    const size = { name: 'max.message.bytes', value: '3000000' };
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: [size] }];
    await admin.alterConfigs({ validateOnly: false, resources });
    const key = randomUUID();
    const value = 'x'.repeat(2_000_000);
    await until('the broker takes it', async () => {
      await producer.send({ topic, messages: [{ key, value, partition: 1 }] });
      return true;
    });
    const { phone } = await createOn(1, true);
    const sent = performance.now();
    await api.codeSentTo(phone);
    expect(performance.now() - sent).toBeLessThan(5_000);
    const dead = await until('it is buried', () => topics.deadLetters().find((one) => one.key === key));
    expect(dead.value).toBeNull();
    expect(dead.headers).toMatchObject({ dlq_reason: expect.stringMatching(/CloudEvent/), dlq_source_partition: '1' });
  }, 30_000);

  it.each([
    ['a key', { key: null, value: 'x' }],
    ['a value', { key: randomUUID(), value: null }],
  ])('without %s does not hold up the one behind it for 5 s', async (_, message) => {
    await producer.send({ topic: topics.names.topic, messages: [{ ...message, partition: 2 }] });
    const { phone } = await createOn(2, true);
    const sent = performance.now();
    await api.codeSentTo(phone);
    expect(performance.now() - sent).toBeLessThan(5_000);
  });
});
