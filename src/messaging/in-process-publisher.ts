import { Injectable } from '@nestjs/common';
import { type EventPublisher, type OutboxEvent, type RefusedEvent, toMessage } from '../outbox/index.js';
import { AgreementEventsConsumer } from './agreement-events.consumer.js';
import { UnprocessableEvent } from './agreement-events.js';

/** Where there is no Kafka: hands each event straight to the consumer, in the same form. */
@Injectable()
export class InProcessPublisher implements EventPublisher {
  constructor(private readonly consumer: AgreementEventsConsumer) {}

  async connect(): Promise<void> {}

  /** Those of an agreement one after another, different agreements side by side: they are noted together. */
  async publish(events: readonly OutboxEvent[]): Promise<readonly RefusedEvent[]> {
    const refused: RefusedEvent[] = [];
    const lanes = Map.groupBy(events, ({ aggregateid }) => aggregateid);
    const working = [...lanes.values()].map((lane) => this.#handleInOrder(lane, refused));
    await Promise.allSettled(working);
    await Promise.all(working);
    return refused;
  }

  async #handleInOrder(events: readonly OutboxEvent[], refused: RefusedEvent[]): Promise<void> {
    for (const event of events) {
      try {
        await this.consumer.handle(toMessage(event));
      } catch (error) {
        if (!(error instanceof UnprocessableEvent)) throw error;
        refused.push({ seq: event.seq, reason: error.message });
      }
    }
  }
}
