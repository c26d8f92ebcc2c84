/**
 * A process for the spec to kill: handles the first message of its partition, hangs in the second, and says so.
 * Arguments: broker, topic, group. Run by Node itself, which knows no decorators, so it cannot come in by the front door.
 */
import { pino } from 'pino';
import { createKafka } from '../../../src/kafka/kafka-client.js';
import { KafkaConsumer } from '../../../src/kafka/kafka-consumer.js';

const [broker = '', topic = '', groupId = ''] = process.argv.slice(2);
const log = pino({ level: 'silent' });
const settings = { brokers: [broker], topic, dlqTopic: '', groupId, clientId: 'stuck', ssl: false as const };
const onFatal = (error: Error) => {
  throw error;
};

new KafkaConsumer(createKafka(settings, log), { topic, groupId, sessionTimeout: 2_000, onFatal }, log).run(
  async ({ offset }) => {
    if (offset === '0') return;
    process.stdout.write(`hangs at ${offset}\n`);
    await new Promise(() => {});
  },
);
