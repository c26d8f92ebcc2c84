import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { describeWithKafka, testKafkaBrokers } from './support/kafka.js';
import { KafkaTopics } from './support/kafka-topics.js';
import { OutboxEvents, outOfOrder } from './support/outbox-events.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { stopped } from './support/process-state.js';
import { testEnvironment } from './support/service.js';
import { until } from './support/until.js';

const REFERENCES = 150;
/** So large that a batch of the relay goes to Kafka in more than one part. */
const CHARACTERS = 1_200;
/** The most that a relay has in hand: what one that dies leaves for its successor to repeat. */
const BATCH = 500;
const LEADS = 'this relay leads';
const LEADS_NO_MORE = 'this relay does not lead any more';

describeWithKafka('a leading relay that is stopped in the middle of its work and wakes up later', () => {
  const database = useDatabase();
  const events = new OutboxEvents(database);
  const processes = useProcesses(database);
  const started: ServiceProcess[] = [];
  let topics: KafkaTopics;

  beforeAll(async () => {
    topics = new KafkaTopics(testKafkaBrokers());
    await topics.open();
  }, 60_000);
  beforeEach(async () => {
    await events.clear();
    topics.messages.length = 0;
  });
  afterEach(() => Promise.all(started.splice(0).map((service) => service.kill())));
  afterAll(() => topics.close());

  async function start(env: Record<string, string> = {}): Promise<ServiceProcess> {
    const service = await processes.start(testEnvironment(database, { ...topics.environment, ROLES: 'relay', ...env }));
    started.push(service);
    return service.ready();
  }

  it.each<[string, number, string]>([
    ['anywhere', 30_000, ''],
    ['between reading a batch and publishing it', 4_500, 'relay.read=stop@3'],
    ['between the acknowledgement and the deletion of a batch', 4_500, 'relay.acknowledged=stop@2'],
  ])(
    '(%s, for %i ms) has first published nothing out of order and deleted nothing unpublished',
    async (_, duration, FAILPOINTS) => {
      const references = Array.from({ length: REFERENCES }, () => randomUUID());
      const load = async (rounds: number) => {
        for (let n = 0; n < rounds; n += 1) await events.write(references, CHARACTERS);
      };
      const old = await start({ FAILPOINTS });
      await until('it leads', () => said(old, LEADS) === 1);
      const next = await start();
      const loaded = load(30);
      await until('events flow', () => topics.messages.length > 0);
      if (!FAILPOINTS) old.signal('SIGSTOP');
      await stopped(old.pid);
      const stoppedAt = performance.now();
      await until('the other one leads', () => said(next, LEADS) === 1, 5_000);
      expect(performance.now() - stoppedAt).toBeLessThan(5_000);

      await loaded;
      await until('its time has come', () => performance.now() - stoppedAt > duration, duration);
      await load(5);
      old.signal('SIGCONT');
      await load(15);
      await until('it has noticed', () => said(old, LEADS_NO_MORE) === 1);
      await until('the outbox is empty', async () => (await database.query('SELECT 1 FROM outbox')).length === 0);
      await until('everything is in the topic', () => published().size === events.total);

      expect(outOfOrder(stream())).toEqual([]);
      expect([...published().values()].filter((ids) => ids.size > 1)).toEqual([]);
      // Its successor repeats what it had in hand, and it what it had in hand itself.
      expect(topics.messages.length - events.total).toBeLessThanOrEqual(2 * BATCH);
      expect([said(old, LEADS), said(next, LEADS), said(next, LEADS_NO_MORE)]).toEqual([1, 1, 0]);
      expect(await Promise.all([old.stop(), next.stop()])).toEqual(Array(2).fill({ code: 0, signal: null }));
    },
    90_000,
  );

  /** Every event that lies in the topic, in its order. */
  const stream = () =>
    topics
      .events()
      .toSorted((a, b) => a.partition - b.partition || Number(a.offset) - Number(b.offset))
      .map(({ key, headers }) => ({ reference: String(key), sequence: Number(headers['ce_sequence']) }));

  /** By reference and number, the ids under which an event was published. */
  function published(): Map<string, Set<string>> {
    const found = new Map<string, Set<string>>();
    for (const { key, headers } of topics.messages) {
      const event = `${key} ${headers['ce_sequence']}`;
      found.set(event, (found.get(event) ?? new Set()).add(String(headers['ce_id'])));
    }
    return found;
  }
});

const said = (service: ServiceProcess, message: string) => service.log.filter(({ msg }) => msg === message).length;
