import { Kafka, type KafkaConfig, logLevel, type SASLOptions } from 'kafkajs';
import type { Logger } from 'pino';
import type { KafkaSettings } from '../config.js';
import { kafkaLog } from './kafka-log.js';
import { fixPendingRequestTimer } from './pending-request-timer.js';
import { useFastProduceRequests } from './produce-request.js';

/**
 * How long kafkajs tries on its own within one call: about 3 s of refused connections. Whoever calls (the producer's
 * caller, the consumer's watchdog) has the patience for an outage, so kafkajs needs none and reports soon.
 */
const RETRY = { retries: 3, initialRetryTime: 200, maxRetryTime: 3_000, factor: 0.2, multiplier: 2 };

/** Milliseconds. A frozen broker takes connections and answers nothing; then the request's limit is what ends the wait. */
const LIMITS = { connectionTimeout: 5_000, authenticationTimeout: 10_000, requestTimeout: 15_000 };

/**
 * The service's client of Kafka; nothing is connected yet. One per process: kafkajs keeps the offsets of a consumer group
 * in the client, so two consumers of one group need two clients.
 * @param log gets what kafkajs says, compact, without payloads, a repeated line at most once a minute
 */
export function createKafka(settings: KafkaSettings, log: Logger): Kafka {
  fixPendingRequestTimer();
  useFastProduceRequests();
  const { sasl } = settings;
  return new Kafka({
    clientId: settings.clientId,
    brokers: settings.brokers,
    ssl: encryption(settings.ssl),
    // kafkajs types each mechanism apart from the others, which a union in one field does not match.
    ...(sasl ? { sasl: { ...sasl, password: sasl.password.reveal() } as SASLOptions } : {}),
    ...LIMITS,
    retry: RETRY,
    logLevel: log.isLevelEnabled('trace')
      ? logLevel.DEBUG
      : log.isLevelEnabled('debug')
        ? logLevel.INFO
        : logLevel.WARN,
    logCreator: () => kafkaLog(log),
  });
}

function encryption(ssl: KafkaSettings['ssl']): NonNullable<KafkaConfig['ssl']> {
  if (ssl === false) return false;
  return ssl.ca === undefined ? true : { ca: [ssl.ca] };
}
