import { once } from 'node:events';
import { beforeAll, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { createKafka, KafkaConsumer } from '../src/kafka/index.js';
import { freshPhone } from './support/api.js';
import { describeWithKafka, testKafkaBrokers } from './support/kafka.js';
import { KafkaDeployment } from './support/kafka-deployment.js';
import type { ServiceProcess } from './support/process.js';
import { until } from './support/until.js';

const JOININGS = 8;

describeWithKafka('a group whose members come and go all the time', () => {
  const deployment = new KafkaDeployment();
  const { processes } = deployment;
  const log = pino({ level: 'silent' });
  let api: ServiceProcess['api'];

  beforeAll(async () => {
    const roles = ['api,relay', 'worker', 'worker'].map((ROLES) =>
      processes.start(deployment.environment({ LOG_LEVEL: 'warn', ROLES })),
    );
    const running = await Promise.all(roles);
    await Promise.all(running.map((service) => service.ready()));
    api = running[0]!.api;
  }, 60_000);

  /** A member that takes its share of the partitions, does nothing with what it is given, and leaves. */
  async function comeAndGo(): Promise<void> {
    const { topic, groupId } = deployment.topics.names;
    const names = { ...deployment.topics.names, clientId: 'guest', brokers: testKafkaBrokers(), ssl: false as const };
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
        const some = deployment.provider.requests.length;
        await until('a text', () => deployment.provider.requests.length > some || !going, 50).catch(() => undefined);
      }
    });
    for (let n = 0; n < JOININGS; n += 1) await comeAndGo();
    going = false;
    await Promise.all(load);
    await Promise.all(created.map(({ reference }) => deployment.topics.event(reference, 'CodeSent', 20_000)));

    expect(created.length).toBeGreaterThan(JOININGS);
    expect(created.filter(({ phone }) => deployment.provider.to(phone).length !== 1)).toEqual([]);
    await until(
      'all is committed',
      async () => (await deployment.topics.committed()) === deployment.topics.events().length,
    );
    expect(deployment.topics.deadLetters()).toEqual([]);
  }, 90_000);
});
