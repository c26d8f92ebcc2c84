import { randomUUID } from 'node:crypto';
import { Kafka, logLevel, type Message, Partitioners } from 'kafkajs';
import type { Peer, PeerSettings } from './peer.js';

const BATCH = 500;

/** kafkajs as it comes, without a database: what it can send of our messages, batch by batch, each acknowledged. */
export async function kafkajs({ template, brokers, topic }: PeerSettings): Promise<Peer> {
  const built = new URL('../../../dist/outbox/cloud-event.js', import.meta.url).href;
  const { toMessage } = (await import(built)) as typeof import('../../../src/outbox/cloud-event.js');
  const kafka = new Kafka({ clientId: 'bench', brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  const createPartitioner = Partitioners.DefaultPartitioner;
  const producer = kafka.producer({ allowAutoTopicCreation: false, createPartitioner });
  await producer.connect();
  const message = (): Message => {
    const reference = randomUUID();
    const same = { seq: '1', id: randomUUID(), aggregateid: reference, sequence: 1, test: false, traceparent: null };
    const payload = JSON.stringify({ ...template.payload, reference });
    const { at, ...rest } = toMessage({ ...same, ...template, payload, occurred_at: new Date() });
    return { ...rest, headers: { ...rest.headers }, timestamp: String(at) };
  };
  let messages: Message[] = [];
  return {
    fill: async (rows) => {
      messages = Array.from({ length: rows }, message);
    },
    drained: async () => {
      for (let done = 0; done < messages.length; done += BATCH) {
        await producer.send({ topic, acks: -1, messages: messages.slice(done, done + BATCH) });
      }
      return messages.length;
    },
  };
}
