import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { Authority } from './support/certificates.js';
import { useDatabase } from './support/database.js';
import { freePorts } from './support/kafka/server-properties.js';
import { describeWithOwnKafka } from './support/kafka/workbench.js';
import { type KafkaBroker, startKafkaBroker } from './support/kafka-broker.js';
import { useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { until } from './support/until.js';

const USERNAME = 'service';
const PASSWORD = randomUUID();
const WRONG = `wrong-${randomUUID()}`;

describeWithOwnKafka('Kafka over TLS with SASL', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let ours: Authority;
  let other: Authority;
  let broker: KafkaBroker;
  let port: number;
  beforeAll(async () => {
    [ours, other] = await Promise.all([Authority.create('our authority'), Authority.create('another authority')]);
    [port] = await freePorts();
    const secure = { ...(await ours.issue('DNS:localhost')), port, username: USERNAME, password: PASSWORD };
    broker = await startKafkaBroker({ own: true, secure });
  }, 120_000);
  afterAll(() => Promise.all([ours.remove(), other.remove(), broker.stop()]));

  const environment = (env: Record<string, string>): Record<string, string> =>
    testEnvironment(database, {
      KAFKA_BROKERS: `localhost:${port}`,
      KAFKA_TOPIC: `events-${randomUUID()}`,
      KAFKA_DLQ_TOPIC: `dlq-${randomUUID()}`,
      KAFKA_GROUP_ID: `group-${randomUUID()}`,
      KAFKA_SSL: 'true',
      KAFKA_SSL_CA_FILE: ours.file,
      KAFKA_SASL_MECHANISM: 'plain',
      KAFKA_SASL_USERNAME: USERNAME,
      KAFKA_SASL_PASSWORD: PASSWORD,
      ...env,
    });

  it('carries the events of a service that knows the authority and the password', async () => {
    const service = await (await processes.start(environment({}))).ready();
    const phone = freshPhone();
    const { reference, code } = await service.api.createAndAwaitCode({ phone });
    expect((await service.api.confirm(reference, code)).status).toBe(200);
    await service.stop();
  });

  it.each<[string, Record<string, string> | (() => Record<string, string>), RegExp]>([
    ['of another authority', () => ({ KAFKA_SSL_CA_FILE: other.file }), /certificate/],
    ['of another name', () => ({ KAFKA_BROKERS: `127.0.0.1:${port}` }), /altnames/],
    ['that does not take the password', { KAFKA_SASL_PASSWORD: WRONG }, /Authentication failed/i],
  ])('a broker %s is waited for, and the log says why', async (_, given, reason) => {
    const env = environment(typeof given === 'function' ? given() : given);
    const service = await (await processes.start(env)).listens();
    const line = await until('a line about it', () =>
      service.log.find(({ level, error }) => level === 'warn' && reason.test(String(error))),
    );
    expect(line['msg']).toMatch(/waiting for it/);
    expect(await service.api.get('/health/ready')).toMatchObject({ status: 503, body: { waiting_for: ['kafka'] } });
    expect((await service.api.create()).status).toBe(201);
    expect(service.isRunning).toBe(true);
    for (const secret of [PASSWORD, WRONG]) expect(service.output).not.toContain(secret);
    expect(await service.stop()).toEqual({ code: 0, signal: null });
  });
});
