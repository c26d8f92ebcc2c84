export { type DeadLetter, DeadLetters, LEFT_OUT_HEADER, NotReplayable } from './dead-letters.js';
export { createKafka } from './kafka-client.js';
export { KafkaConsumer, type KafkaConsumerOptions } from './kafka-consumer.js';
export { isRecordRefused, KafkaUnavailable } from './kafka-errors.js';
export { KafkaProducer } from './kafka-producer.js';
export { KafkaPublisher } from './kafka-publisher.js';
export { ensureTopics } from './kafka-topics.js';
export type { MessageHandler, ReceivedMessage } from './key-ordered-batch.js';
