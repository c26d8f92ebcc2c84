import { Module } from '@nestjs/common';
import { KafkaPublisher } from './kafka-publisher.js';

@Module({ providers: [KafkaPublisher], exports: [KafkaPublisher] })
export class KafkaModule {}
