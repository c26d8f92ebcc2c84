import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Admin } from 'kafkajs';
import { pino } from 'pino';
import { createKafka } from '../src/kafka/index.js';
import { useDatabase } from './support/database.js';
import { describeWithKafka, testKafkaBrokers } from './support/kafka.js';
import { freePorts } from './support/kafka/server-properties.js';
import { KafkaTopics } from './support/kafka-topics.js';
import { type Scrape, scrape } from './support/metrics.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { until } from './support/until.js';

interface Measured {
  readonly service: ServiceProcess;
  readonly port: number;
}

describeWithKafka('the metrics of the three roles', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let topics: KafkaTopics;
  let admin: Admin;
  let api: Measured;
  let relay: Measured;
  let worker: Measured;

  beforeAll(async () => {
    topics = new KafkaTopics(testKafkaBrokers());
    await topics.open();
    const brokers = testKafkaBrokers();
    admin = createKafka({ brokers, ...topics.names, clientId: 'spec', ssl: false }, pino({ level: 'silent' })).admin();
    await admin.connect();
    api = await start('api');
  }, 60_000);
  afterAll(() => Promise.all([topics.close(), admin.disconnect()]));

  async function start(ROLES: string): Promise<Measured> {
    const [port] = await freePorts();
    const env = { ...topics.environment, ROLES, METRICS_PORT: String(port), LOG_LEVEL: 'silent' };
    return { service: await (await processes.start(testEnvironment(database, env))).ready(), port };
  }

  async function scraped({ port }: Measured, what: string, condition: (found: Scrape) => boolean): Promise<Scrape> {
    return until(
      what,
      async () => {
        const found = await scrape(port);
        return condition(found) ? found : undefined;
      },
      20_000,
    );
  }

  const is = (name: string, expected: number) => (found: Scrape) => found.value(name) === expected;

  it('an api alone says that events wait and grow old, and knows nothing of Kafka', async () => {
    await Promise.all([api.service.api.create(), api.service.api.create()]);
    const waiting = await scraped(api, 'two wait', is('agreement_outbox_waiting_rows', 2));
    const age = Number(waiting.value('agreement_outbox_oldest_seconds'));
    await scraped(api, 'older', (found) => Number(found.value('agreement_outbox_oldest_seconds')) > age);
    expect([...waiting.valued].filter((name) => /lag_messages|dead_letters_waiting|leader/.test(name))).toEqual([]);
  });

  it('a relay says that it leads and what it published, and how far the consumers are behind', async () => {
    relay = await start('relay');
    await scraped(relay, 'it leads', is('agreement_relay_leader', 1));
    const published = await scraped(relay, 'two are published', is('agreement_relay_events_published_total', 2));
    expect(published.value('agreement_relay_failures_total')).toBe(0);
    await scraped(relay, 'nobody has read the two', is('agreement_consumer_lag_messages', 2));
    await scraped(api, 'none waits', is('agreement_outbox_waiting_rows', 0));
  });

  it('of two relays one leads', async () => {
    const second = await start('relay');
    await scraped(second, 'it does not lead', is('agreement_relay_leader', 0));
    await relay.service.kill();
    await scraped(second, 'it leads now', is('agreement_relay_leader', 1));
    relay = second;
  }, 40_000);

  it('a worker says what it read, and the lag goes away', async () => {
    worker = await start('worker');
    await scraped(
      worker,
      'two are handled',
      (found) => found.value('agreement_consumer_messages_total', { outcome: 'handled' }) === 2,
    );
    await scraped(
      worker,
      'two are sent',
      (found) => found.value('agreement_sends_total', { outcome: 'accepted' }) === 2,
    );
    const done = await scraped(worker, 'nothing is left', is('agreement_consumer_lag_messages', 0));
    expect(done.value('agreement_consumer_restarts_total')).toBe(0);
    expect(done.value('agreement_relay_leader')).toBeUndefined();
  }, 40_000);

  it('a message that cannot be handled is a dead letter, and waits until its group has gone past it', async () => {
    await topics.put({ key: randomUUID(), value: 'not JSON', headers: {} });
    await scraped(worker, 'it is moved', is('agreement_dead_letters_total', 1));
    await scraped(relay, 'it waits', is('agreement_dead_letters_waiting', 1));
    const { dlqTopic: topic, groupId } = topics.names;
    const ends = await admin.fetchTopicOffsets(topic);
    const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
    await admin.setOffsets({ groupId: `${groupId}-dlq`, topic, partitions });
    await scraped(relay, 'it is put right', is('agreement_dead_letters_waiting', 0));
    await scraped(worker, 'here too', is('agreement_dead_letters_waiting', 0));
  });

  it('have each a value in one of the three', async () => {
    const scrapes = await Promise.all([api, relay, worker].map(({ port }) => scrape(port)));
    const valued = new Set(scrapes.flatMap((one) => [...one.valued]));
    const ours = scrapes.flatMap((one) => [...one.declared]).filter((name) => name.startsWith('agreement_'));
    expect(ours.filter((name) => !valued.has(name))).toEqual([]);
  });
});
