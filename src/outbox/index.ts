export { type OutboxEvent, toMessage } from './cloud-event.js';
export { type EventPublisher, type RefusedEvent } from './event-publisher.js';
export {
  dropParked,
  outboxState,
  type ParkedEvent,
  parkedEvents,
  retryParked,
  waitsUnparked,
} from './outbox.operator.js';
export { OutboxRelay } from './outbox.relay.js';
export { OutboxSignal } from './outbox-signal.js';
