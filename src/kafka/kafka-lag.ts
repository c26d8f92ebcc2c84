import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Admin, Kafka } from 'kafkajs';
import { CONFIG, type Config, type KafkaSettings } from '../config.js';
import { LOGGER, type Logger } from '../logger.js';
import { Metrics } from '../metrics.js';
import { deadLetterGroup } from './dead-letters.js';
import { createKafka } from './kafka-client.js';
import { endsWithin } from './waiting.js';

/** A scrape does not wait so long; but without an end a connection that is dead would be asked for ever. */
const ANSWER_WITHIN = 4_000;
const DISCONNECT_WITHIN = 1_000;

/** Tells Prometheus what the consumers have not read yet, in the processes that work with Kafka. */
@Injectable()
export class KafkaLag implements OnApplicationShutdown {
  #admin: Promise<Admin> | undefined;
  #stopped = false;

  constructor(
    @Inject(CONFIG) { kafka: settings, roles }: Config,
    @Inject(LOGGER) logger: Logger,
    private readonly metrics: Metrics,
  ) {
    if (!settings || !(roles.has('relay') || roles.has('worker'))) return;
    const kafka = createKafka(settings, logger);
    const { consumerLag, deadLettersWaiting } = metrics;
    metrics.atScrape([consumerLag, deadLettersWaiting], () => this.#look(kafka, settings));
  }

  async onApplicationShutdown(): Promise<void> {
    this.#stopped = true;
    await this.#leave();
  }

  /** What an outage leaves behind in the client is not worth trusting: the next look begins with a new connection. */
  async #look(kafka: Kafka, settings: KafkaSettings): Promise<void> {
    if (this.#stopped) throw new Error('stopped');
    this.#admin ??= connected(kafka);
    const asked = this.#admin.then((admin) => this.#ask(admin, settings));
    try {
      if (!(await endsWithin(asked, ANSWER_WITHIN))) throw new Error('Kafka does not answer');
      await asked;
    } catch (error) {
      void this.#leave();
      throw error;
    }
  }

  async #ask(admin: Admin, { topic, dlqTopic, groupId }: KafkaSettings): Promise<void> {
    const [lags, deadLetters] = await Promise.all([
      lagsOf(admin, groupId, topic),
      lagsOf(admin, deadLetterGroup(groupId), dlqTopic),
    ]);
    for (const [partition, lag] of lags) this.metrics.consumerLag.set({ partition }, lag);
    this.metrics.deadLettersWaiting.set([...deadLetters.values()].reduce((sum, lag) => sum + lag, 0));
  }

  async #leave(): Promise<void> {
    const admin = this.#admin;
    this.#admin = undefined;
    if (admin)
      await endsWithin(
        admin.then((open) => open.disconnect()),
        DISCONNECT_WITHIN,
      );
  }
}

async function connected(kafka: Kafka): Promise<Admin> {
  const admin = kafka.admin();
  await admin.connect();
  return admin;
}

/** What a group has not committed yet, by partition; all of it where it has never committed anything there. */
async function lagsOf(admin: Admin, groupId: string, topic: string): Promise<Map<number, number>> {
  const [ends, [committed]] = await Promise.all([
    admin.fetchTopicOffsets(topic),
    admin.fetchOffsets({ groupId, topics: [topic] }),
  ]);
  return new Map(
    ends.map(({ partition, high, low }) => {
      const offset = committed?.partitions.find((one) => one.partition === partition)?.offset;
      const next = offset === undefined || Number(offset) < Number(low) ? low : offset;
      return [partition, Math.max(0, Number(high) - Number(next))];
    }),
  );
}
