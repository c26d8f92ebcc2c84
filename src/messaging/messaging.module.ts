import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { Database } from '../database/index.js';
import { KafkaModule } from '../kafka/kafka.module.js';
import { LimitsModule } from '../limits/limits.module.js';
import { LOGGER, type Logger } from '../logger.js';
import { OutboxModule } from '../outbox/outbox.module.js';
import { AgreementEventsConsumer } from './agreement-events.consumer.js';
import { DeliveryController } from './delivery.controller.js';
import { InProcessPublisher } from './in-process-publisher.js';
import { ProviderLanes } from './provider-lanes.js';
import { QueueForgottenHandler } from './queue-forgotten.js';
import { RECEIPT_READERS, receiptReaders } from './receipt-readers.js';
import { Receipts } from './receipts.js';
import { SandboxController } from './sandbox.controller.js';
import { PhonePageController } from './sandbox/phone-page.controller.js';
import { SwitchesController } from './sandbox/switches.controller.js';
import { SendAnswer } from './send-answer.js';
import { SendBacklog } from './send-backlog.js';
import { SendClaim } from './send-claim.js';
import { SendCodeHandler } from './send-code.js';
import { SendDispatch } from './send-dispatch.js';
import { SendRecord } from './send-record.js';
import { Sender } from './sender.js';
import { PurgeReceiptsHandler, SettleReceiptsHandler } from './settle-receipts.js';
import { HttpGateway } from './sms/http-gateway.js';
import { SandboxGateway } from './sms/sandbox-gateway.js';
import { SmppGateway } from './sms/smpp-gateway.js';
import { GATEWAYS, type SmsGateway, type TakeReceipt } from './sms/sms-gateway.js';
import { TestGateway } from './sms/test-gateway.js';
import { TwilioGateway } from './sms/twilio-gateway.js';

const SANDBOX = [PhonePageController, SandboxController, SwitchesController];

/** Everything that talks to people. */
@Module({})
export class MessagingModule {
  constructor(receipts: Receipts, sender: Sender) {
    receipts.onQueued(() => sender.wake());
  }

  static for({ production, kafka, roles }: Config): DynamicModule {
    return {
      module: MessagingModule,
      imports: [CqrsModule, LimitsModule, OutboxModule, ...(kafka ? [KafkaModule] : [])],
      controllers: [...(roles.has('api') ? [DeliveryController] : []), ...(production ? [] : SANDBOX)],
      providers: [
        AgreementEventsConsumer,
        InProcessPublisher,
        ProviderLanes,
        SendCodeHandler,
        QueueForgottenHandler,
        Receipts,
        SettleReceiptsHandler,
        PurgeReceiptsHandler,
        { provide: RECEIPT_READERS, useFactory: receiptReaders, inject: [CONFIG, LOGGER] },
        Sender,
        SendAnswer,
        SendBacklog,
        SendClaim,
        SendDispatch,
        SendRecord,
        { provide: GATEWAYS, useFactory: gateways, inject: [CONFIG, Database, Receipts, LOGGER] },
      ],
      exports: [AgreementEventsConsumer, InProcessPublisher, Sender],
    };
  }
}

async function gateways(
  config: Config,
  database: Database,
  receipts: Receipts,
  logger: Logger,
): Promise<ReadonlyMap<string, SmsGateway>> {
  const take: TakeReceipt = (receipt) => receipts.take(receipt);
  const all: SmsGateway[] = [new TestGateway()];
  const { sms, email } = config;
  if ([...sms.providers, ...email.providers].includes('sandbox')) all.push(new SandboxGateway(database, take));
  if (config.sms.providers.includes('http')) all.push(new HttpGateway(config));
  if (config.sms.twilio) all.push(new TwilioGateway(config.sms.twilio, config, logger));
  if (sms.smpp) all.push(new SmppGateway(sms.smpp, sms.sender, take, logger));
  if (email.smtp) {
    // What it composes mails with is a twentieth of the program.
    const { SmtpGateway } = await import('./sms/smtp-gateway.js');
    all.push(new SmtpGateway(email.smtp, logger));
  }
  return new Map(all.map((gateway) => [gateway.name, gateway]));
}
