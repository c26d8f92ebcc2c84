import { Module } from '@nestjs/common';
import { KafkaPublisher } from './kafka-publisher.js';

/** The publisher to Kafka; only where `KAFKA_BROKERS` is set. */
@Module({ providers: [KafkaPublisher], exports: [KafkaPublisher] })
export class KafkaModule {}
