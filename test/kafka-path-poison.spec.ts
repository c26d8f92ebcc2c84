import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Api, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { describeWithKafka, testKafkaBrokers } from './support/kafka.js';
import { KafkaTopics } from './support/kafka-topics.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { until } from './support/until.js';

const CREATED = 'clients.agreement.AgreementCreated.v1';

describeWithKafka('a message that cannot be handled', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let topics: KafkaTopics;
  let service: ServiceProcess;
  let api: Api;

  beforeAll(async () => {
    topics = new KafkaTopics(testKafkaBrokers());
    await topics.open();
    const env = { ...topics.environment, OTP_RESEND_INTERVAL: '0' };
    service = await (await processes.start(testEnvironment(database, env))).ready();
    api = service.api;
  }, 60_000);

  afterAll(() => topics.close());

  const envelope = (type = CREATED) => ({
    ce_specversion: '1.0',
    ce_id: randomUUID(),
    ce_type: type,
    traceparent: 'x',
  });
  const about = (reference: string, generation: unknown) => JSON.stringify({ reference, generation });

  it.each<[string, (key: string) => { value: string | Buffer; headers: Record<string, string> }, RegExp]>([
    ['broken JSON', () => ({ value: '{"reference": ', headers: envelope() }), /JSON/],
    ['bytes', () => ({ value: Buffer.from([0, 255, 1, 254]), headers: envelope() }), /JSON/],
    ['the word null', () => ({ value: 'null', headers: envelope() }), /object/],
    ['a list', () => ({ value: '[]', headers: envelope() }), /object/],
    ['no CloudEvent', (key) => ({ value: about(key, 1), headers: { traceparent: 'x' } }), /CloudEvent/],
    [
      'of an unknown version',
      (key) => ({ value: about(key, 1), headers: envelope(CREATED.replace('v1', 'v2')) }),
      /version 2/,
    ],
    ['without a generation', (key) => ({ value: about(key, undefined), headers: envelope() }), /generation/],
    ['about no agreement', () => ({ value: about(randomUUID(), 1), headers: envelope() }), /generation 1/],
    ['about a code that nobody asked for', (key) => ({ value: about(key, 7), headers: envelope() }), /generation 7/],
  ])('(%s) gets out of the way of the next one, as it was and with the reason', async (_, poison, reason) => {
    const phone = freshPhone();
    const { body } = await api.create({ phone });
    const key = String(body['reference']);
    await topics.event(key, 'CodeSent');
    const { value, headers } = poison(key);
    await topics.producer.sendBatch([{ key, value, headers }]);
    await api.post(`/v1/agreement/${key}/resend`);
    await until('the text behind it', async () => (await api.messages(phone)).length === 2, 5_000);

    const dead = await until('the dead letter', () => topics.deadLetters().find((message) => message.key === key));
    const source = topics.messages.find((message) => message.headers['ce_id'] === headers['ce_id'] && message !== dead);
    expect(dead.value).toEqual(Buffer.from(value));
    expect(dead.headers).toEqual({
      ...headers,
      dlq_reason: expect.stringMatching(reason),
      dlq_source_partition: String(source?.partition),
      dlq_source_offset: source?.offset,
    });
  });

  it.each<[string, { key: string | null; value: string | null }]>([
    ['a value', { key: randomUUID(), value: null }],
    ['a key', { key: null, value: 'x' }],
  ])('without %s becomes a dead letter', async (_, message) => {
    const before = topics.deadLetters().length;
    await topics.put({ ...message, headers: envelope() });
    const dead = await until('the dead letter', () => topics.deadLetters()[before]);
    expect(String(dead.value ?? '')).toBe(message.value ?? '');
    expect(dead.headers).toMatchObject({ ce_type: CREATED, dlq_reason: expect.stringMatching(/JSON/) });
  });

  it('of the largest size becomes a dead letter, if need be without its value', async () => {
    const phone = freshPhone();
    const { body } = await api.create({ phone });
    const key = String(body['reference']);
    await topics.event(key, 'CodeSent');
    const headers = envelope();
    // The largest that the broker takes: with the reason added it would be too large.
    let size = 1_048_588;
    const fits = () =>
      topics.put({ key, value: 'x'.repeat(size), headers }).then(
        () => true,
        () => false,
      );
    await until('the broker takes it', async () => (await fits()) || (size -= 25) === 0);
    await api.post(`/v1/agreement/${key}/resend`);
    await until('the text behind it', async () => (await api.messages(phone)).length === 2, 5_000);
    const dead = await until('the dead letter', () => topics.deadLetters().find((message) => message.key === key));
    expect(dead.headers).toMatchObject({ ...headers, dlq_source_offset: expect.any(String) });
  });

  it('for this version only is passed over', async () => {
    const before = topics.deadLetters().length;
    const strangers = ['clients.agreement.SomethingNew.v1', 'clients.agreement.CodeSent.v9', 'com.example.Other.v1'];
    const messages = strangers.map((type) => ({ key: randomUUID(), value: '{}', headers: envelope(type) }));
    await topics.producer.sendBatch(messages);
    await until('all are handled', async () => (await topics.committed()) === eventsOnTopic());
    expect(topics.deadLetters()).toHaveLength(before);
  });

  it('because no broker takes it stays in the outbox with the reason, and the others go on', async () => {
    const reference = randomUUID();
    await database.query(
      `INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at)
       VALUES ($1, 'agreement', $2, $3, jsonb_build_object('padding', repeat('x', 2000000)), 'local', false, 1, now())`,
      [randomUUID(), reference, CREATED],
    );
    const phone = freshPhone();
    await api.create({ phone });
    await api.codeSentTo(phone);
    const parked = await until('it is parked', async () => {
      const [row] = await database.query('SELECT aggregateid, error FROM outbox WHERE parked_at IS NOT NULL');
      return row;
    });
    expect(parked).toEqual({ aggregateid: reference, error: expect.stringMatching(/larger|too large/i) });
  });

  const eventsOnTopic = () => topics.messages.filter(({ topic }) => topic === topics.names.topic).length;
});
