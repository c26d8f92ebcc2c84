import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { codeIn, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { describeWithKafka, testKafkaBrokers } from './support/kafka.js';
import { KafkaTopics } from './support/kafka-topics.js';
import { leaksIn } from './support/leaks.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { answers, type SmsAnswer, SmsServer } from './support/sms-server.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { until } from './support/until.js';

describeWithKafka('two workers with one provider', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  const running: ServiceProcess[] = [];
  let provider: SmsServer;
  let topics: KafkaTopics;
  /** Between the workers and the database. */
  let proxy: TcpProxy;

  beforeAll(async () => {
    provider = await SmsServer.start();
    topics = new KafkaTopics(testKafkaBrokers());
    await topics.open();
    const proxied = await TcpProxy.before(database.url);
    proxy = proxied.proxy;
    await proxy.open();
    const env = { ...topics.environment, ...provider.environment, LOG_LEVEL: 'trace' };
    const worker = { ...env, ROLES: 'worker', DATABASE_URL: proxied.url };
    for (const role of [{ ...env, ROLES: 'api,relay' }, worker, worker]) {
      running.push(await processes.start(testEnvironment(database, role)));
    }
    await Promise.all(running.map((service) => service.ready()));
  }, 60_000);

  afterAll(() => Promise.all([topics.close(), provider.stop(), proxy.cut()]));

  async function create(...script: SmsAnswer[]): Promise<{ phone: string; reference: string }> {
    const phone = freshPhone();
    provider.willAnswer(phone, ...script);
    const created = await running[0]?.api.create({ phone });
    expect(created?.status).toBe(201);
    return { phone, reference: created?.body['reference'] };
  }

  const workers = () => running.slice(1);
  const sends = ({ log }: ServiceProcess) => log.filter(({ msg }) => msg === 'send').length;

  it('share the work, and every person gets exactly one text', async () => {
    const created = await Promise.all(Array.from({ length: 200 }, () => create()));
    await Promise.all(created.map(({ reference }) => topics.event(reference, 'CodeSent')));
    expect(created.filter(({ phone }) => provider.to(phone).length !== 1)).toEqual([]);
    for (const worker of workers()) expect(sends(worker)).toBeGreaterThan(20);
  });

  it('send no text twice, however often an event comes', async () => {
    const { reference, phone } = await create();
    const { key, value, headers } = await topics.event(reference, 'AgreementCreated');
    await topics.event(reference, 'CodeSent');
    const copy = { key: String(key), value: String(value), headers };
    const keys = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? copy : { ...copy, key: `elsewhere-${n}` }));
    await topics.producer.sendBatch(keys);
    await until('all are handled', async () => (await topics.committed()) === topics.events().length);
    expect(provider.to(phone)).toHaveLength(1);
    expect(topics.events(reference).filter(({ headers }) => headers['ce_type']?.includes('CodeSent'))).toHaveLength(1);
  });

  it('wait for their database, and give no event up meanwhile', async () => {
    await proxy.cut();
    const { reference } = await create();
    await topics.event(reference, 'AgreementCreated');
    await until('a worker has tried', () => workers().some(({ output }) => output.includes('could not be handled')));
    await proxy.open();
    await topics.event(reference, 'CodeSent', 20_000);
    expect(topics.deadLetters()).toEqual([]);
  }, 40_000);

  it('tell who took a text, and who refused one', async () => {
    const taken = await create();
    const refused = await create(answers.status(400));
    expect((await topics.event(taken.reference, 'CodeSent')).data).toMatchObject({
      generation: 1,
      channel: 'sms',
      provider: 'http',
    });
    const { data, headers } = await topics.event(refused.reference, 'CodeUndelivered');
    expect(data).toMatchObject({ generation: 1, channel: 'sms', provider: 'http', reason: 'refused' });
    expect(headers['ce_sequence']).toBe('2');
  });

  it('leave no code and no phone number anywhere but where it belongs', async () => {
    const codes = provider.requests.map(({ body }) => codeIn(body.text));
    const phones = provider.requests.map(({ body }) => body.to);
    expect(phones.length).toBeGreaterThan(200);
    const onTopics = topics.messages.map((message) => JSON.stringify({ ...message, value: String(message.value) }));
    expect(leaksIn([...running.map(({ output }) => output), ...onTopics].join('\n'), codes, phones)).toEqual([]);
    const inDatabase = await dump();
    expect(inDatabase).toContain('code_hash');
    expect(leaksIn(inDatabase, codes, phones)).toEqual([]);
  });

  /** Every table as text, without the one column whose business phone numbers are. */
  async function dump(): Promise<string> {
    const tables = await database.query(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`);
    const texts = tables.map(async ({ name }) => {
      const rows = await database.query(`SELECT to_jsonb(t) - 'contact' AS row FROM ${String(name)} t`);
      return rows.map(({ row }) => JSON.stringify(row)).join('\n');
    });
    return (await Promise.all(texts)).join('\n');
  }
});
