import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded-postgres.js';
import { freePorts } from '../support/kafka/server-properties.js';
import { type KafkaBroker, startKafkaBroker } from '../support/kafka-broker.js';
import { killIfThere, postgresIn } from '../support/process-list.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';
import { Member } from './member.js';
import { type Chain, Sms } from './sms.js';
import { Topic } from './topic.js';

/** Killing a server's processes loses nothing that the operating system was given; a test need not wait for the disk. */
const WITHOUT_DISK = { max_connections: '200', fsync: 'off', full_page_writes: 'off' };
const ROLES = ['api', 'relay', 'worker'] as const;
const OF_EACH = 2;

/** A whole deployment on this machine: PostgreSQL, Kafka, two processes of each role, and providers. */
export class World {
  readonly members: Member[] = [];
  #postgres: EmbeddedPostgres | undefined;
  #adminUrl = '';

  private constructor(
    private readonly folder: string,
    readonly broker: KafkaBroker,
    /** The way of every process to the broker. */
    readonly kafka: TcpProxy,
    readonly topic: Topic,
    readonly sms: Sms,
    private readonly spares: boolean,
  ) {}

  /**
   * @param program the `main.js` of every process
   * @param spares whether the first process of each role is never killed or cut off itself
   * @param seed of what the providers say later; null: they say nothing
   */
  static async start(program: string, spares: boolean, chain: Chain, seed: number | null): Promise<World> {
    const network = Promise.withResolvers<TcpProxy>();
    const advertise = async (port: number): Promise<number> => {
      const proxy = await TcpProxy.to(port);
      await proxy.open();
      network.resolve(proxy);
      return proxy.port;
    };
    const started: { world?: World } = {};
    const doors = (): string[] => (started.world?.of('api') ?? []).filter((api) => api.isRunning).map(({ url }) => url);
    const [broker, sms] = await Promise.all([
      startKafkaBroker({ own: true, advertise }),
      Sms.start(chain, seed, doors),
    ]);
    const kafka = await network.promise;
    const topic = new Topic([`127.0.0.1:${kafka.port}`]);
    const folder = await mkdtemp(join(tmpdir(), 'chaos-'));
    const world = new World(folder, broker, kafka, topic, sms, spares);
    started.world = world;
    try {
      await Promise.all([world.topic.make(), world.startPostgres()]);
      for (const role of ROLES) {
        for (let number = 1; number <= OF_EACH; number += 1) await world.#settle(role, number, program);
      }
      // One brings the schema up, the others find it there.
      for (const role of ROLES) await Promise.all(world.of(role).map((member) => member.start()));
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  /** Those that a fault may choose. */
  get mortal(): Member[] {
    return this.members.filter(({ name }) => !this.spares || !name.endsWith('-1'));
  }

  of(role: Member['role']): Member[] {
    return this.members.filter((member) => member.role === role);
  }

  /** Past the proxies. */
  async query<R extends object>(text: string, values: unknown[] = []): Promise<R[]> {
    const client = new pg.Client({ connectionString: this.#postgres?.url ?? '' });
    await client.connect();
    try {
      return (await client.query<R>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  async terminateBackends(): Promise<void> {
    const admin = new pg.Client(this.#adminUrl);
    await admin.connect();
    await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'agreement'`);
    await admin.end();
  }

  /** Starts PostgreSQL on what was there, on another port, and leads every member there. */
  async startPostgres(): Promise<void> {
    const log = (): void => undefined;
    this.#postgres = await startEmbeddedPostgres({ dataDir: this.folder, durable: true, log, settings: WITHOUT_DISK });
    this.#adminUrl = this.#postgres.adminUrl;
    for (const { database } of this.members) database.leadTo(this.#port);
  }

  /** An orderly shutdown, as for an upgrade. */
  async stopPostgres(): Promise<void> {
    await this.#postgres?.stop();
  }

  /** kill -9 of the server with all its processes. */
  async killPostgres(): Promise<void> {
    for (const pid of postgresIn(this.folder)) killIfThere(pid);
    await this.#postgres?.exited;
    await until('PostgreSQL is gone', () => postgresIn(this.folder).length === 0);
  }

  async stop(): Promise<void> {
    for (const member of this.members) member.resume();
    await Promise.all(this.members.map((member) => member.kill()));
    await Promise.all(this.members.map((member) => member.database.cut()));
    await Promise.all([this.kafka.cut(), this.sms.stop(), this.broker.stop(), this.#postgres?.stop()]);
    await rm(this.folder, { recursive: true, force: true });
  }

  get #port(): number {
    return Number(new URL(this.#adminUrl).port);
  }

  async #settle(role: Member['role'], number: number, program: string): Promise<void> {
    const [port] = await freePorts();
    const proxy = await TcpProxy.to(this.#port);
    await proxy.open();
    const url = new URL(this.#postgres?.url ?? '');
    url.port = String(proxy.port);
    const env = {
      ...{ NODE_ENV: 'test', LOG_LEVEL: 'warn', PORT: String(port), DATA_DIR: this.folder },
      ...{ DATABASE_URL: url.href, OTP_KEYS: KEY, CONTACT_KEYS: KEY, OTP_RESEND_INTERVAL: '1' },
      ...{
        LIMIT_PHONE: '1000/600',
        LIMIT_PHONE_ALL: '1000/600',
        LIMIT_PREFIX: '1000000/600',
        GUARD_MIN_CONVERSION: '0',
      },
      ...{ ...this.topic.environment, ...this.sms.environment },
    };
    this.members.push(new Member(`${role}-${number}`, role, proxy, program, env));
  }
}

const KEY = `chaos:${randomBytes(32).toString('base64')}`;

/** The service as it was built last. */
export const PROGRAM = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
