import pg from 'pg';
import { serviceArm } from '../../arms.js';
import type { BenchKafka } from '../../kafka.js';
import { Server } from '../../processes.js';
import type { Bench } from '../../workload.js';
import { templateFrom } from './backlog.js';
import type { Relay } from './relay.js';

/**
 * The service on a database of its own: one process that takes creates, one that publishes.
 * @param name begins those of its database and topics
 */
export async function startRelay(
  { postgres, generator, cores }: Bench,
  kafka: BenchKafka,
  ends: AsyncDisposableStack,
  name: string,
): Promise<Relay> {
  const databaseUrl = await postgres.createDatabase(`bench_${name}`);
  const arm = serviceArm('ours');
  await arm.prepare(databaseUrl);
  const start = async (role: string, env: Readonly<Record<string, string>>): Promise<Server> => {
    const command = (port: number) => {
      const { script, args, env: usual } = arm.command(port, databaseUrl);
      return { script, args, env: { ...usual, ROLES: role, ...env } };
    };
    return ends.adopt(await Server.start(`ours, ${role}`, command, '/health/ready', cores?.server), (it) => it.stop());
  };
  const [topic, deadLetters] = [`${name}-ours`, `${name}-dead-letters`];
  await kafka.createTopics(topic, deadLetters);
  const api = await start('api', {});
  const template = await templateFrom(api, generator, databaseUrl);
  const names = { KAFKA_TOPIC: topic, KAFKA_DLQ_TOPIC: deadLetters, KAFKA_GROUP_ID: name };
  const another = (): Promise<Server> => start('relay', { KAFKA_BROKERS: kafka.brokers, ...names });
  const server = await another();
  const client = ends.adopt(new pg.Client(databaseUrl), (it) => it.end());
  await client.connect();
  return { server, api, arm, databaseUrl, client, topic, template, another };
}
