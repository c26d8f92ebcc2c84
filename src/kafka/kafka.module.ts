import { Module } from '@nestjs/common';
import { KafkaLag } from './kafka-lag.js';
import { KafkaPublisher } from './kafka-publisher.js';

/** The publisher to Kafka, and how far its readers are behind; only where `KAFKA_BROKERS` is set. */
@Module({ providers: [KafkaPublisher, KafkaLag], exports: [KafkaPublisher] })
export class KafkaModule {}
