import { expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { describeWithKafka } from './support/kafka.js';
import { KafkaDeployment } from './support/kafka-deployment.js';
import type { ServiceProcess } from './support/process.js';
import { answers } from './support/sms-server.js';
import { until } from './support/until.js';

const CONCURRENCY = 8;

describeWithKafka('kill -9 of the leading relay and of a worker at work', () => {
  const deployment = new KafkaDeployment();
  const { database, processes } = deployment;

  async function start(ROLES: string): Promise<ServiceProcess> {
    const settings = { SMS_TIMEOUT: '1', SMS_CONCURRENCY: String(CONCURRENCY), LOG_LEVEL: 'warn' };
    return (await processes.start(deployment.environment({ ...settings, ROLES }))).ready();
  }

  it('loses no text, and repeats none but those in hand, with the same id and code', async () => {
    const leader = await start('relay');
    const [worker, api] = await Promise.all([start('worker'), start('api'), start('worker'), start('relay')]);
    const created: { phone: string; reference: string }[] = [];
    const load = Array.from({ length: 4 }, async () => {
      while (created.length < 400) {
        const phone = freshPhone();
        deployment.provider.willAnswer(phone, answers.slow(50));
        const { status, body } = await api.api.create({ phone });
        expect(status).toBe(201);
        created.push({ phone, reference: body['reference'] });
      }
    });
    await until('the work goes on', () => deployment.provider.requests.length >= 50);
    await Promise.all([leader.kill(), worker.kill()]);
    await Promise.all(load);
    // What the worker had in hand, as if its leases were over.
    await database.query(`UPDATE send SET next_attempt_at = now() WHERE state = 'queued'`);
    await Promise.all(created.map(({ reference }) => deployment.topics.event(reference, 'CodeSent', 40_000)));

    const requests = created.map(({ phone }) => deployment.provider.to(phone));
    expect(requests.filter((tries) => new Set(tries.map(({ body }) => JSON.stringify(body))).size !== 1)).toEqual([]);
    const repeated = requests.filter((tries) => tries.length > 1);
    expect(repeated.every((tries) => tries.length === 2)).toBe(true);
    expect(repeated.length).toBeLessThanOrEqual(2 * CONCURRENCY);
    for (const { reference } of created) expect(sequenceOf(reference)).toEqual(['1', '2']);
  }, 90_000);

  /** The numbers of its events as a receiver keeps them: one that it has seen is dropped. */
  const sequenceOf = (reference: string) => [
    ...new Map(
      deployment.topics.events(reference).map(({ headers }) => [headers['ce_id'], headers['ce_sequence']]),
    ).values(),
  ];
});
