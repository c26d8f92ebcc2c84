export { AgreementEventsConsumer } from './agreement-events.consumer.js';
export { InProcessPublisher } from './in-process-publisher.js';
export { QueueForgotten } from './queue-forgotten.js';
export { Sender } from './sender.js';
export { PurgeReceipts, SettleReceipts } from './settle-receipts.js';
export { type TriedOut, tryOut } from './try-out.js';
export { type WaitingSends, waitingSends } from './waiting-sends.js';
