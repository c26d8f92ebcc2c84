import { pino } from 'pino';
// Not by the front door: a global setup is run by Node itself, which knows no decorators.
import { createKafka } from '../../src/kafka/kafka-client.js';
import type { BrokerProcess, SecureListener } from './kafka/broker-process.js';
import { dockerAnswers, dockerKafka } from './kafka/docker-kafka.js';
import { javaKafka, missingForJava } from './kafka/java-kafka.js';
import { freePorts } from './kafka/server-properties.js';

/** A real Kafka with one broker, for tests. What it holds is thrown away by `stop` and when this process dies. */
export interface KafkaBroker {
  /** `127.0.0.1:port` of a broker started here, else what `KAFKA_BROKERS` said. */
  readonly brokers: string[];
  /** Where it runs as a process of its own on this machine; another one after `restart`. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
  /** SIGKILL. The data stay for `restart`. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data; a running one is killed first. Resolves when it answers. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
}

export type KafkaAvailability = { readonly how: 'env' | 'docker' | 'java' } | { readonly missing: string };

export interface KafkaBrokerOptions {
  /** Not one that `KAFKA_BROKERS` names: for specs that kill or freeze the broker. */
  readonly own?: boolean;
  /** What takes the place of the environment: a comma-separated list, as in `KAFKA_BROKERS`. */
  readonly given?: string | undefined;
  /** One more listener, with TLS and SASL. */
  readonly secure?: SecureListener;
  /** Added to the broker's server.properties. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Gives the port of 127.0.0.1 at which clients are told to find the broker: of a proxy that leads to `port`. */
  readonly advertise?: (port: number) => Promise<number>;
}

const READY_WITHIN = 60_000;
const POLL = 100;

/**
 * How a broker can be had on this machine: one that is named, else Docker, else Java 17 with the jars from Maven.
 * @returns the way, or the reason why there is none
 */
export function kafkaAvailability(options: KafkaBrokerOptions = {}): KafkaAvailability {
  if (namedBrokers(options).length > 0) return { how: 'env' };
  if (dockerAnswers()) return { how: 'docker' };
  const missing = missingForJava();
  if (missing === undefined) return { how: 'java' };
  return { missing: `KAFKA_BROKERS is not set, no Docker engine answers, and ${missing}` };
}

/**
 * Starts a broker and waits until it answers; with a named one it only waits.
 * @throws Error where none can be had, or with the last lines of the broker's log where it does not start within 60 s
 */
export async function startKafkaBroker(options: KafkaBrokerOptions = {}): Promise<KafkaBroker> {
  const available = kafkaAvailability(options);
  if ('missing' in available) throw new Error(`There is no Kafka for the tests: ${available.missing}`);
  if (available.how === 'env') return namedBroker(namedBrokers(options));
  const [port, controllerPort] = await freePorts();
  const advertised = await options.advertise?.(port);
  const address = advertised === undefined ? {} : { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertised}` };
  const properties = { ...address, ...options.properties };
  const place = { port, controllerPort, properties, ...(options.secure ? { secure: options.secure } : {}) };
  const broker = available.how === 'docker' ? dockerKafka(place) : await javaKafka(place);
  return ownBroker(broker, `127.0.0.1:${port}`);
}

async function ownBroker(broker: BrokerProcess, address: string): Promise<KafkaBroker> {
  const start = async () => {
    broker.start();
    await answers([address], broker);
  };
  await start().catch(async (error: unknown) => {
    await Promise.allSettled([broker.remove()]);
    throw error;
  });
  return {
    brokers: [address],
    get pid() {
      return broker.pid;
    },
    stop: () => broker.remove(),
    kill: () => broker.kill(),
    restart: async () => {
      await broker.kill();
      await start();
    },
    pause: () => broker.pause(),
    resume: () => broker.resume(),
  };
}

async function namedBroker(brokers: string[]): Promise<KafkaBroker> {
  await answers(brokers);
  const notOurs = () => {
    throw new Error('This broker was named by KAFKA_BROKERS; a spec that harms it asks for its own');
  };
  return {
    brokers,
    pid: undefined,
    stop: async () => {},
    kill: async () => notOurs(),
    restart: async () => notOurs(),
    pause: notOurs,
    resume: notOurs,
  };
}

function namedBrokers({ own, given }: KafkaBrokerOptions): string[] {
  if (own) return [];
  const named = given ?? process.env['KAFKA_BROKERS'] ?? '';
  return named
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '');
}

/** Waits until the cluster describes itself with a broker that is not fenced. */
async function answers(brokers: string[], broker?: BrokerProcess): Promise<void> {
  const deadline = Date.now() + READY_WITHIN;
  for (let lastError: unknown; ;) {
    if (broker?.isRunning() === false) throw new Error(`Kafka has ended while starting:\n${broker.lastLines()}`);
    try {
      if (await describesItself(brokers)) return;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() > deadline) {
      const lines = broker?.lastLines() ?? '';
      throw new Error(`Kafka at ${brokers.join()} does not answer\n${lines}`, { cause: lastError });
    }
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
}

async function describesItself(brokers: string[]): Promise<boolean> {
  const settings = { brokers, topic: '', dlqTopic: '', groupId: '', clientId: 'test-support', ssl: false as const };
  const admin = createKafka(settings, pino({ level: 'silent' })).admin({ retry: { retries: 0 } });
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length > 0;
  } finally {
    await admin.disconnect();
  }
}
