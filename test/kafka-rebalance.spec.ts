import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { createKafka, KafkaConsumer } from '../src/kafka/index.js';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { describeWithKafka, testKafkaBrokers } from './support/kafka.js';
import { KafkaTopics } from './support/kafka-topics.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { SmsServer } from './support/sms-server.js';
import { until } from './support/until.js';

const JOININGS = 8;

describeWithKafka('a group whose members come and go all the time', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  const log = pino({ level: 'silent' });
  let topics: KafkaTopics;
  let provider: SmsServer;
  let api: ServiceProcess['api'];

  beforeAll(async () => {
    provider = await SmsServer.start();
    topics = new KafkaTopics(testKafkaBrokers());
    await topics.open();
    const env = { ...topics.environment, ...provider.environment, LOG_LEVEL: 'warn' };
    const roles = ['api,relay', 'worker', 'worker'].map((ROLES) =>
      processes.start(testEnvironment(database, { ...env, ROLES })),
    );
    const running = await Promise.all(roles);
    await Promise.all(running.map((service) => service.ready()));
    api = running[0]!.api;
  }, 60_000);

  afterAll(() => Promise.all([topics.close(), provider.stop()]));

  /** A member that takes its share of the partitions, does nothing with what it is given, and leaves. */
  async function comeAndGo(): Promise<void> {
    const { topic, groupId } = topics.names;
    const names = { ...topics.names, clientId: 'guest', brokers: testKafkaBrokers(), ssl: false as const };
    const options = { topic, groupId, onFatal: () => undefined };
    const guest = new KafkaConsumer(createKafka(names, log), options, log);
    const given = Promise.withResolvers<void>();
    guest.run(async (_, { signal }) => {
      given.resolve();
      if (!signal.aborted) await once(signal, 'abort');
      throw new Error('not mine');
    });
    await given.promise;
    await guest.stop();
  }

  it('loses nothing, and every person gets exactly one text', async () => {
    const created: { phone: string; reference: string }[] = [];
    let going = true;
    const load = Array.from({ length: 2 }, async () => {
      while (going) {
        const phone = freshPhone();
        const { status, body } = await api.create({ phone });
        expect(status).toBe(201);
        created.push({ phone, reference: body['reference'] });
        const some = provider.requests.length;
        await until('a text', () => provider.requests.length > some || !going, 50).catch(() => undefined);
      }
    });
    for (let n = 0; n < JOININGS; n += 1) await comeAndGo();
    going = false;
    await Promise.all(load);
    await Promise.all(created.map(({ reference }) => topics.event(reference, 'CodeSent', 20_000)));

    expect(created.length).toBeGreaterThan(JOININGS);
    expect(created.filter(({ phone }) => provider.to(phone).length !== 1)).toEqual([]);
    await until('all is committed', async () => (await topics.committed()) === topics.events().length);
    expect(topics.deadLetters()).toEqual([]);
  }, 90_000);
});
