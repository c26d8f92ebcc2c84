export { type OutboxEvent, toMessage } from './cloud-event.js';
export { type EventPublisher, type RefusedEvent } from './event-publisher.js';
export { OutboxRelay } from './outbox.relay.js';
export { OutboxSignal } from './outbox-signal.js';
