import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { describeWithKafka, testKafkaBrokers } from './support/kafka.js';
import { KafkaTopics } from './support/kafka-topics.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { answers, SmsServer } from './support/sms-server.js';
import { until } from './support/until.js';

const CONCURRENCY = 8;

describeWithKafka('kill -9 of the leading relay and of a worker at work', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let topics: KafkaTopics;
  let provider: SmsServer;

  beforeAll(async () => {
    provider = await SmsServer.start();
    topics = new KafkaTopics(testKafkaBrokers());
    await topics.open();
  }, 60_000);
  afterAll(() => Promise.all([topics.close(), provider.stop()]));

  async function start(ROLES: string): Promise<ServiceProcess> {
    const settings = { SMS_TIMEOUT: '1', SMS_CONCURRENCY: String(CONCURRENCY), LOG_LEVEL: 'warn' };
    const env = { ...topics.environment, ...provider.environment, ...settings, ROLES };
    return (await processes.start(testEnvironment(database, env))).ready();
  }

  it('loses no text, and repeats none but those in hand, with the same id and code', async () => {
    const leader = await start('relay');
    const [worker, api] = await Promise.all([start('worker'), start('api'), start('worker'), start('relay')]);
    const created: { phone: string; reference: string }[] = [];
    const load = Array.from({ length: 4 }, async () => {
      while (created.length < 400) {
        const phone = freshPhone();
        provider.willAnswer(phone, answers.slow(50));
        const { status, body } = await api.api.create({ phone });
        expect(status).toBe(201);
        created.push({ phone, reference: body['reference'] });
      }
    });
    await until('the work goes on', () => provider.requests.length >= 50);
    await Promise.all([leader.kill(), worker.kill()]);
    await Promise.all(load);
    // What the worker had in hand, as if its leases were over.
    await database.query(`UPDATE send SET next_attempt_at = now() WHERE state = 'queued'`);
    await Promise.all(created.map(({ reference }) => topics.event(reference, 'CodeSent', 40_000)));

    const requests = created.map(({ phone }) => provider.to(phone));
    expect(requests.filter((tries) => new Set(tries.map(({ body }) => JSON.stringify(body))).size !== 1)).toEqual([]);
    const repeated = requests.filter((tries) => tries.length > 1);
    expect(repeated.every((tries) => tries.length === 2)).toBe(true);
    expect(repeated.length).toBeLessThanOrEqual(2 * CONCURRENCY);
    for (const { reference } of created) expect(sequenceOf(reference)).toEqual(['1', '2']);
  }, 90_000);

  /** The numbers of its events as a receiver keeps them: one that it has seen is dropped. */
  const sequenceOf = (reference: string) => [
    ...new Map(topics.events(reference).map(({ headers }) => [headers['ce_id'], headers['ce_sequence']])).values(),
  ];
});
