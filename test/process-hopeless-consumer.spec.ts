import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PartitionAssigners } from 'kafkajs';
import { useDatabase } from './support/database.js';
import { denyGroup, denyNewTopics, FORBIDDING } from './support/kafka/denials.js';
import { describeWithOwnKafka, KafkaWorkbench } from './support/kafka/workbench.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { until } from './support/until.js';

const GIVES_UP_WITHIN = 40_000;

describeWithOwnKafka('a worker', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let bench: KafkaWorkbench;

  beforeAll(async () => {
    bench = await KafkaWorkbench.start(FORBIDDING);
    await bench.useTopic(2);
  }, 120_000);

  afterAll(() => bench.stop());

  const start = (KAFKA_GROUP_ID: string, KAFKA_TOPIC = bench.topic): Promise<ServiceProcess> => {
    const kafka = { KAFKA_BROKERS: bench.broker.brokers.join(), KAFKA_TOPIC, KAFKA_GROUP_ID };
    return processes.start(testEnvironment(database, { ...kafka, KAFKA_DLQ_TOPIC: 'dead', ROLES: 'worker' }));
  };

  async function endsWith(reason: RegExp, service: ServiceProcess): Promise<void> {
    expect(await service.end(GIVES_UP_WITHIN)).toEqual({ code: 1, signal: null });
    const lines = service.stderr.split('\n').filter((line) => line.includes('cannot go on'));
    expect(lines).toEqual([expect.stringMatching(reason)]);
  }

  it('whose group is forbidden or speaks another protocol says so in one line and exits 1, also in the middle of work', async () => {
    const working = await (await start('working')).ready();
    await denyGroup(bench.admin, 'forbidden');
    await denyGroup(bench.admin, 'working');
    const rival = await joinAs('stranger', 'incompatible');
    try {
      const [forbidden, incompatible] = await Promise.all([start('forbidden'), start('incompatible')]);
      await Promise.all([
        endsWith(/not authorized to access the group|group authorization/i, working),
        endsWith(/not authorized to access the group|group authorization/i, forbidden),
        endsWith(/protocol/i, incompatible),
      ]);
    } finally {
      await rival.disconnect();
    }
  }, 90_000);

  it('whose topic is missing and may not be made names it, is not ready, and begins once there is one', async () => {
    const topic = 'made-by-hand';
    const allow = await denyNewTopics(bench.admin);
    const service = await (await start('waiting', topic)).listens();
    const told = await until('it names the topic', () =>
      service.log.find(({ topics }) => Array.isArray(topics) && topics.includes(topic)),
    );
    expect(told['msg']).toMatch(/make them yourself/);
    expect(await service.api.get('/health/ready')).toMatchObject({ status: 503, body: { waiting_for: ['kafka'] } });
    await allow();
    await bench.admin.createTopics({ topics: [{ topic, numPartitions: 2 }] });
    await service.ready(GIVES_UP_WITHIN);
    expect(await service.stop()).toEqual({ code: 0, signal: null });
  }, 60_000);

  /** A member of a group that knows none of our ways to share partitions. */
  async function joinAs(assigner: string, groupId: string) {
    const stranger = bench.newKafka().consumer({
      groupId,
      partitionAssigners: [(config) => ({ ...PartitionAssigners.roundRobin(config), ...named(assigner) })],
    });
    await stranger.connect();
    await stranger.subscribe({ topic: bench.topic });
    await stranger.run({ eachMessage: async () => {} });
    await until('it is the member', async () => (await bench.group(groupId)).state === 'Stable');
    return stranger;
  }
});

function named(name: string) {
  return {
    name,
    protocol: () => ({ name, metadata: Buffer.alloc(0) }),
  };
}
