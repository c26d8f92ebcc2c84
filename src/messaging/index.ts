export { AgreementEventsConsumer } from './agreement-events.consumer.js';
export { InProcessPublisher } from './in-process-publisher.js';
export { QueueForgotten } from './queue-forgotten.js';
export { Sender } from './sender.js';
export { type WaitingSends, waitingSends } from './waiting-sends.js';
