import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config, type KafkaSettings } from '../config.js';
import { LOGGER, type Logger } from '../logger.js';
import { type EventPublisher, type OutboxEvent, type RefusedEvent, toMessage } from '../outbox/index.js';
import { createKafka } from './kafka-client.js';
import { isRecordRefused } from './kafka-errors.js';
import { type KafkaMessage, KafkaProducer } from './kafka-producer.js';
import { ensureTopics } from './kafka-topics.js';

/** Publishes events to Kafka, and messages that cannot be handled to the dead letter topic. */
@Injectable()
export class KafkaPublisher implements EventPublisher, OnApplicationShutdown {
  readonly #settings: KafkaSettings;
  readonly #logger: Logger;
  #producer: KafkaProducer | undefined;
  #connecting: Promise<void> | undefined;

  constructor(@Inject(CONFIG) config: Config, @Inject(LOGGER) logger: Logger) {
    if (!config.kafka) throw new Error('KafkaPublisher needs KAFKA_BROKERS');
    this.#settings = config.kafka;
    this.#logger = logger;
  }

  connect(signal: AbortSignal): Promise<void> {
    this.#connecting ??= this.#open(signal);
    return this.#connecting;
  }

  async publish(events: readonly OutboxEvent[]): Promise<readonly RefusedEvent[]> {
    try {
      await this.#connected().sendBatch(events.map(toMessage));
      return [];
    } catch (error) {
      if (!isRecordRefused(error)) throw error;
      return this.#publishSingly(events);
    }
  }

  /** @throws where the dead letter topic did not take it; the message then stays where it is */
  async publishDeadLetter(message: KafkaMessage): Promise<void> {
    await this.#connected().sendBatch([message], this.#settings.dlqTopic);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#producer?.disconnect();
  }

  async #open(signal: AbortSignal): Promise<void> {
    const kafka = createKafka(this.#settings, this.#logger);
    this.#producer = new KafkaProducer(kafka, this.#settings.topic, this.#logger);
    await this.#producer.connect(signal);
    await ensureTopics(kafka, [this.#settings.topic, this.#settings.dlqTopic], this.#logger, signal);
  }

  /** Alone, each is told apart from the record that Kafka refuses. */
  async #publishSingly(events: readonly OutboxEvent[]): Promise<RefusedEvent[]> {
    const refused: RefusedEvent[] = [];
    for (const event of events) {
      try {
        await this.#connected().sendBatch([toMessage(event)]);
      } catch (error) {
        if (!isRecordRefused(error)) throw error;
        refused.push({ seq: event.seq, reason: String(error) });
      }
    }
    return refused;
  }

  #connected(): KafkaProducer {
    if (!this.#producer) throw new Error('the publisher is not connected');
    return this.#producer;
  }
}
