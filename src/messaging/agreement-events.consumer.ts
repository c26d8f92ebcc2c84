import { once } from 'node:events';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { isUnavailable } from '../database/index.js';
import { failpoint } from '../failpoint.js';
import {
  createKafka,
  isRecordRefused,
  KafkaConsumer,
  KafkaPublisher,
  LEFT_OUT_HEADER,
  type ReceivedMessage,
} from '../kafka/index.js';
import { LOGGER, type Logger } from '../logger.js';
import { Metrics } from '../metrics.js';
import { checkReactions, commandFor, type ReceivedEvent, UnprocessableEvent } from './agreement-events.js';

/** Messages at one time: as many as one statement notes; it can have no more of them than are in hand. */
const CONCURRENCY = 200;

type DeadLetter = Parameters<KafkaPublisher['publishDeadLetter']>[0];

/** Turns events into commands: from Kafka, or handed over in the same process. */
@Injectable()
export class AgreementEventsConsumer {
  #consumer: KafkaConsumer | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly commands: CommandBus,
    private readonly metrics: Metrics,
    @Optional() private readonly publisher?: KafkaPublisher,
  ) {
    checkReactions();
  }

  /**
   * Joins the consumer group; resolves when it has done so for the first time.
   * @param onFatal the process should end: the consumer cannot work and waiting will not help
   */
  async start(signal: AbortSignal, onFatal: (error: Error) => void): Promise<void> {
    const { kafka: settings } = this.config;
    if (!settings || !this.publisher) return;
    await this.publisher.connect(signal);
    signal.throwIfAborted();
    const { topic, groupId } = settings;
    const onLost = (): void => this.metrics.consumerRestarts.inc();
    const options = { topic, groupId, onFatal, onLost, concurrency: CONCURRENCY };
    this.#consumer = new KafkaConsumer(createKafka(settings, this.logger), options, this.logger);
    this.#consumer.run((message) => this.#receive(message));
    await Promise.race([this.#consumer.firstConnected, once(signal, 'abort')]);
  }

  async stop(): Promise<void> {
    await this.#consumer?.stop();
  }

  /**
   * One event; returns when its command is carried out.
   * @throws UnprocessableEvent where no repetition can help; anything else where one may
   */
  async handle(event: ReceivedEvent): Promise<void> {
    const command = commandFor(event);
    if (!command) {
      this.metrics.messages.inc({ outcome: 'skipped' });
      return;
    }
    failpoint('consumer.received');
    try {
      await this.commands.execute(command);
      failpoint('consumer.queued');
      this.metrics.messages.inc({ outcome: 'handled' });
    } catch (error) {
      throw isUnavailable(error) ? error : new UnprocessableEvent(String(error), { cause: error });
    }
  }

  async #receive(message: ReceivedMessage): Promise<void> {
    try {
      await this.handle(message);
    } catch (error) {
      if (!(error instanceof UnprocessableEvent)) throw error;
      await this.#bury(message, error.message);
    }
  }

  /**
   * Out of the way of the messages behind it, with all that is needed to play it again. One that became too large by the
   * reason goes without its value, or with the reason alone: the message itself still lies where that points to.
   * @throws where the dead letter topic takes it in no form; the message then stays where it is
   */
  async #bury(message: ReceivedMessage, reason: string): Promise<void> {
    const { key, value, headers, partition, offset, at } = message;
    const why = { dlq_reason: reason, dlq_source_partition: String(partition), dlq_source_offset: offset };
    const withoutValue = { ...headers, ...why, [LEFT_OUT_HEADER]: 'value' };
    const reasonAlone = { ...why, [LEFT_OUT_HEADER]: 'key, value and headers' };
    const isKept =
      (await this.#isKept({ key, value, headers: { ...headers, ...why }, at })) ||
      (await this.#isKept({ key, value: null, headers: withoutValue, at })) ||
      (await this.#isKept({ key: null, value: null, headers: reasonAlone, at }));
    if (!isKept) throw new Error('the dead letter topic refuses the message and its reason');
    this.metrics.deadLetters.inc();
    this.logger.error({ reference: key, reason, partition, offset }, 'message moved to the dead letter topic');
  }

  /** Whether the dead letter topic took it; false where it is too large. @throws where it takes nothing now */
  async #isKept(letter: DeadLetter): Promise<boolean> {
    try {
      await this.publisher?.publishDeadLetter(letter);
      return true;
    } catch (error) {
      if (isRecordRefused(error)) return false;
      throw error;
    }
  }
}
