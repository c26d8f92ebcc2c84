import type { OutboxEvent } from './cloud-event.js';

/** Injection token of the publisher. */
export const EVENT_PUBLISHER = Symbol('EVENT_PUBLISHER');

/** An event that is refused for itself and would be refused for ever. */
export interface RefusedEvent {
  readonly seq: string;
  readonly reason: string;
}

/** Where the relay hands events to: Kafka, or the consumer in the same process. */
export interface EventPublisher {
  /** Makes itself ready, waiting as long as that takes. @param signal ends the waiting */
  connect(signal: AbortSignal): Promise<void>;
  /**
   * Hands events over in their order; when it returns, each is acknowledged or among the refused.
   * @throws where nothing can be said of them: all are handed over again later
   */
  publish(events: readonly OutboxEvent[]): Promise<readonly RefusedEvent[]>;
}
