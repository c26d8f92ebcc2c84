import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import type { BrokerPlace, SecureListener } from './broker-process.js';

/**
 * Below the range from which systems take the ports of outgoing connections (Linux 32768, others 49152): a port of that
 * range can be taken while the broker is down, even by a client that connects to itself while it knocks on the dead port.
 */
const PORTS = { from: 15_000, to: 32_000 };

/** Two ports of 127.0.0.1 on which nobody listens now. */
export async function freePorts(): Promise<[number, number]> {
  const first = await freePort();
  for (;;) {
    const second = await freePort();
    if (second !== first) return [first, second];
  }
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to);
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

/**
 * The server.properties of one broker that is its own controller (KRaft).
 * @param listenOn the address it binds; clients are always told 127.0.0.1
 */
export function serverProperties(place: BrokerPlace, dataFolder: string, listenOn: string): string {
  const { port, controllerPort, properties } = place;
  const all = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://${listenOn}:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': dataFolder,
    'auto.create.topics.enable': 'false',
    'num.partitions': '3',
    ...forOneBroker,
    ...small,
    ...quick,
    ...(place.secure ? withSecureListener(place, place.secure, listenOn) : {}),
    ...properties,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

function withSecureListener({ port, controllerPort }: BrokerPlace, secure: SecureListener, listenOn: string) {
  const pem = (text: string): string => text.trim().replaceAll('\n', '\\n');
  const user = `user_${secure.username}="${secure.password}"`;
  return {
    listeners:
      `PLAINTEXT://${listenOn}:${port},SASL_SSL://${listenOn}:${secure.port},` +
      `CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},SASL_SSL://localhost:${secure.port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.certificate.chain': pem(secure.cert),
    'ssl.keystore.key': pem(secure.key),
    'listener.name.sasl_ssl.sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl_ssl.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${user};`,
  };
}

const forOneBroker = {
  'default.replication.factor': '1',
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
};

const small = {
  'offsets.topic.num.partitions': '1',
  'transaction.state.log.num.partitions': '1',
  'share.coordinator.state.topic.num.partitions': '1',
  'log.segment.bytes': '16777216',
  'log.index.size.max.bytes': '1048576',
  'log.cleaner.dedupe.buffer.size': '4194304',
  'num.network.threads': '2',
  'num.io.threads': '2',
};

/** After `kill -9` the controller keeps the dead broker's place for its session's time; the default is 9 s. */
const quick = {
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '500',
  'broker.session.timeout.ms': '2000',
  'broker.heartbeat.interval.ms': '500',
};
