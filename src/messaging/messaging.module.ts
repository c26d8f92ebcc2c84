import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { Config } from '../config.js';
import { KafkaModule } from '../kafka/kafka.module.js';
import { LimitsModule } from '../limits/limits.module.js';
import { OutboxModule } from '../outbox/outbox.module.js';
import { AgreementEventsConsumer } from './agreement-events.consumer.js';
import { InProcessPublisher } from './in-process-publisher.js';
import { QueueForgottenHandler } from './queue-forgotten.js';
import { SandboxController } from './sandbox.controller.js';
import { SendBacklog } from './send-backlog.js';
import { SendCodeHandler } from './send-code.js';
import { SendDispatch } from './send-dispatch.js';
import { SendRecord } from './send-record.js';
import { Sender } from './sender.js';
import { HttpGateway } from './sms/http-gateway.js';
import { SandboxGateway } from './sms/sandbox-gateway.js';
import { SMS_GATEWAY } from './sms/sms-gateway.js';

/** Everything that talks to people. */
@Module({})
export class MessagingModule {
  static for({ production, kafka, sms }: Config): DynamicModule {
    return {
      module: MessagingModule,
      imports: [CqrsModule, LimitsModule, OutboxModule, ...(kafka ? [KafkaModule] : [])],
      controllers: production ? [] : [SandboxController],
      providers: [
        AgreementEventsConsumer,
        InProcessPublisher,
        SendCodeHandler,
        QueueForgottenHandler,
        Sender,
        SendBacklog,
        SendDispatch,
        SendRecord,
        { provide: SMS_GATEWAY, useClass: sms.provider === 'http' ? HttpGateway : SandboxGateway },
      ],
      exports: [AgreementEventsConsumer, InProcessPublisher, Sender],
    };
  }
}
