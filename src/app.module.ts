import { type DynamicModule, Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import { AgreementModule } from './agreement/agreement.module.js';
import { agreementSchema } from './agreement/index.js';
import { CONFIG, type Config } from './config.js';
import { DatabaseModule } from './database/database.module.js';
import { HttpModule } from './http/http.module.js';
import { KafkaPublisher } from './kafka/index.js';
import { KafkaModule } from './kafka/kafka.module.js';
import { KeyCheck } from './key-check.js';
import { LOGGER, type Logger } from './logger.js';
import { InProcessPublisher } from './messaging/index.js';
import { MessagingModule } from './messaging/messaging.module.js';
import { Metrics } from './metrics.js';
import { MetricsServer } from './metrics-server.js';
import { HandlerCheck } from './must-be-handled.js';
import { RelayModule } from './outbox/outbox.module.js';
import { RetentionModule } from './retention/retention.module.js';
import { Sweeper } from './sweeper.js';

@Global()
@Module({})
class SettingsModule {}

/** The table of contents. Every process has every module; the roles decide which of them are started. */
@Module({})
export class AppModule {
  static for(config: Config, logger: Logger): DynamicModule {
    const settings = [{ provide: CONFIG, useValue: config }, { provide: LOGGER, useValue: logger }, Metrics];
    const messaging = MessagingModule.for(config);
    return {
      module: AppModule,
      imports: [
        { module: SettingsModule, providers: settings, exports: settings },
        DiscoveryModule,
        CqrsModule,
        DatabaseModule.withEntities([agreementSchema]),
        HttpModule,
        ...(config.roles.has('api') ? [AgreementModule.withApi()] : [AgreementModule]),
        messaging,
        RetentionModule,
        config.kafka
          ? RelayModule.publishingTo(KafkaPublisher, KafkaModule)
          : RelayModule.publishingTo(InProcessPublisher, messaging),
      ],
      providers: [HandlerCheck, KeyCheck, MetricsServer, Sweeper],
    };
  }
}
