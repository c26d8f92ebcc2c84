import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Api, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { describeWithOwnKafka } from './support/kafka/workbench.js';
import { type KafkaBroker, startKafkaBroker } from './support/kafka-broker.js';
import { KafkaTopics } from './support/kafka-topics.js';
import { useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { until } from './support/until.js';

describeWithOwnKafka('a broker that is away', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let broker: KafkaBroker;
  let topics: KafkaTopics;

  beforeAll(async () => {
    broker = await startKafkaBroker({ own: true });
    topics = new KafkaTopics(broker.brokers);
    await topics.open();
  }, 120_000);

  afterAll(async () => {
    await topics.close();
    await broker.stop();
  }, 60_000);

  const start = (env: Record<string, string>) =>
    processes.start(testEnvironment(database, { ...topics.environment, ...env }));

  async function create(api: Api): Promise<{ phone: string; reference: string }> {
    const phone = freshPhone();
    const { status, body } = await api.create({ phone });
    expect(status).toBe(201);
    return { phone, reference: body['reference'] };
  }

  it('at the start is waited for, while agreements are taken; then everything is delivered', async () => {
    await broker.kill();
    const service = await (await start({})).listens();
    const created = await until('the first agreement', () => create(service.api));
    expect(await service.api.get('/health/ready')).toMatchObject({ status: 503, body: { waiting_for: ['kafka'] } });
    await broker.restart();
    await service.ready();
    await service.api.codeSentTo(created.phone);
    expect(await service.stop()).toEqual({ code: 0, signal: null });
  }, 60_000);

  it('in the middle of work costs nothing: every request is taken, everything is delivered once it is back', async () => {
    const roles = await Promise.all(['api', 'relay', 'worker'].map((ROLES) => start({ ROLES })));
    const [api] = await Promise.all(roles.map((service) => service.ready()));
    if (!api) throw new Error('there is no process');
    const created: { phone: string; reference: string }[] = [];
    let going = true;
    const load = Array.from({ length: 3 }, async () => {
      while (going) {
        created.push(await create(api.api));
        const some = created.length;
        await until('a moment has passed', () => created.length > some || !going, 50).catch(() => undefined);
      }
    });
    const more = async (count: number) => {
      const before = created.length;
      await until('more agreements', () => created.length >= before + count);
    };
    await more(50);
    await broker.kill();
    await more(150);
    expect((await api.api.get('/health/ready')).status).toBe(200);
    await broker.restart();
    await more(50);
    going = false;
    await Promise.all(load);

    await Promise.all(created.map(({ reference }) => topics.event(reference, 'CodeSent', 40_000)));
    expect(created.length).toBeGreaterThan(250);
    const texts = await database.query('SELECT reference FROM sandbox_message');
    for (const { reference } of created) {
      expect(texts.filter((text) => text['reference'] === reference)).toHaveLength(1);
      const ids = new Map(topics.events(reference).map(({ headers }) => [headers['ce_id'], headers['ce_sequence']]));
      expect([...ids.values()]).toEqual(['1', '2']);
    }
    expect(await Promise.all(roles.map((service) => service.stop()))).toEqual(
      roles.map(() => ({ code: 0, signal: null })),
    );
  }, 120_000);

  it('or that does not answer any more does not keep a process from ending', async () => {
    const service = await (await start({ SHUTDOWN_TIMEOUT: '4' })).ready();
    broker.pause();
    await create(service.api);
    const asked = performance.now();
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - asked).toBeLessThan(5_000);
    broker.resume();
  }, 60_000);
});
