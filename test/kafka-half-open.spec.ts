import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { describeWithOwnKafka } from './support/kafka/workbench.js';
import { type KafkaBroker, startKafkaBroker } from './support/kafka-broker.js';
import { KafkaTopics } from './support/kafka-topics.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { memoryOf } from './support/process-state.js';
import { testEnvironment } from './support/service.js';
import { SmsServer } from './support/sms-server.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { until } from './support/until.js';

const BACKLOG = 3_000;
const AT_ONCE = 50;
const FROZEN_FOR = 30_000;
/** Megabytes: what a process may hold more after the backlog than before it. */
const MORE_MEMORY = 150;

describeWithOwnKafka('a network or a broker that says nothing any more', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let broker: KafkaBroker;
  let proxy: TcpProxy;
  let topics: KafkaTopics;
  let provider: SmsServer;
  let running: ServiceProcess[];
  let created: string[];

  beforeAll(async () => {
    const advertise = async (port: number) => {
      proxy = await TcpProxy.to(port);
      await proxy.open();
      return proxy.port;
    };
    [provider, broker] = await Promise.all([SmsServer.start(), startKafkaBroker({ own: true, advertise })]);
    topics = new KafkaTopics([`127.0.0.1:${proxy.port}`]);
    await topics.open();
    const env = { ...topics.environment, ...provider.environment, LOG_LEVEL: 'warn' };
    const roles = ['api', 'relay', 'worker'].map((ROLES) =>
      processes.start(testEnvironment(database, { ...env, ROLES })),
    );
    running = await Promise.all(roles);
    await Promise.all(running.map((service) => service.ready(40_000)));
  }, 150_000);

  beforeEach(() => void (created = []));

  afterAll(async () => {
    await topics.close();
    await Promise.all([proxy.cut(), broker.stop(), provider.stop()]);
  }, 60_000);

  /** Every request is taken, whatever Kafka does. */
  async function create(count: number): Promise<void> {
    const callers = Array.from({ length: AT_ONCE }, async () => {
      while (count-- > 0) {
        const phone = freshPhone();
        expect(await running[0]?.api.create({ phone })).toMatchObject({ status: 201 });
        created.push(phone);
      }
    });
    await Promise.all(callers);
  }

  async function everybodyGetsOneText(within: number): Promise<void> {
    await until('every text', () => created.every((phone) => provider.to(phone).length > 0), within);
    expect(created.filter((phone) => provider.to(phone).length !== 1)).toEqual([]);
    await until(
      'an empty outbox',
      async () => (await database.query('SELECT FROM outbox LIMIT 1')).length === 0,
      within,
    );
  }

  const memory = () => Promise.all(running.map(({ pid }) => memoryOf(pid)));

  it('on the open connections alone is noticed, and everything goes by new ones', async () => {
    await create(50);
    await everybodyGetsOneText(20_000);
    proxy.abandon();
    await create(100);
    await everybodyGetsOneText(60_000);
  }, 100_000);

  it('for half a minute holds up nothing but the texts, and the backlog costs no memory', async () => {
    await create(BACKLOG / 10);
    await everybodyGetsOneText(30_000);
    const before = await memory();
    broker.pause();
    const since = performance.now();
    await create(BACKLOG);
    await until('half a minute has passed', () => performance.now() - since > FROZEN_FOR, 2 * FROZEN_FOR);
    await create(AT_ONCE);
    broker.resume();
    await everybodyGetsOneText(90_000);
    const more = (await memory()).map((after, place) => after - (before[place] ?? 0));
    expect(Math.max(...more)).toBeLessThan(MORE_MEMORY);
  }, 220_000);

  it('and one that is restarted twice in a row costs nothing', async () => {
    for (let round = 0; round < 2; round += 1) {
      const load = create(100);
      await broker.restart();
      await load;
    }
    await everybodyGetsOneText(60_000);
  }, 120_000);
});
