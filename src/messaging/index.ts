export { AgreementEventsConsumer } from './agreement-events.consumer.js';
export { InProcessPublisher } from './in-process-publisher.js';
export { QueueForgotten } from './queue-forgotten.js';
export { Sender } from './sender.js';
