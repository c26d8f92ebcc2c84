export { createKafka } from './kafka-client.js';
export { KafkaConsumer, type KafkaConsumerOptions } from './kafka-consumer.js';
export { isRecordRefused } from './kafka-errors.js';
export { KafkaProducer } from './kafka-producer.js';
export { KafkaPublisher } from './kafka-publisher.js';
export { ensureTopics } from './kafka-topics.js';
export type { MessageHandler, ReceivedMessage } from './key-ordered-batch.js';
