import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { EVENT_PUBLISHER, type EventPublisher } from './event-publisher.js';
import { OutboxRelay } from './outbox.relay.js';
import { OutboxBacklog } from './outbox-backlog.js';
import { OutboxSignal } from './outbox-signal.js';

/** What writers of events need. */
@Module({ providers: [OutboxSignal, OutboxBacklog], exports: [OutboxSignal] })
export class OutboxModule {}

/** What moves the events on. */
@Module({})
export class RelayModule {
  /**
   * @param publisher where events go
   * @param source the module that exports it
   */
  static publishingTo(publisher: Type<EventPublisher>, source: Type | DynamicModule): DynamicModule {
    return {
      module: RelayModule,
      imports: [OutboxModule, source],
      providers: [OutboxRelay, { provide: EVENT_PUBLISHER, useExisting: publisher }],
      exports: [OutboxRelay],
    };
  }
}
