import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll } from '@jest/globals';
import { Api, codeIn, type SentAgreement } from '../support/api.js';
import { type TestDatabase, useDatabase } from '../support/database.js';
import { testKafkaBrokers } from '../support/kafka.js';
import { freePorts } from '../support/kafka/server-properties.js';
import { KafkaTopics } from '../support/kafka-topics.js';
import { type ServiceProcess, useProcesses } from '../support/process.js';
import { watchEvents } from '../support/raised-events.js';
import { testEnvironment } from '../support/service.js';
import { SmsServer } from '../support/sms-server.js';

/** Who calls: three callers with every scope, each with agreements of its own. */
export type Caller = 'shop' | 'bank' | 'victim';

/** How the processes of a deployment are set up. */
export interface DeploymentSettings {
  /** Of every process, in addition to the usual. */
  readonly env?: Readonly<Record<string, string>>;
  /** Of those of one role, in addition to that. */
  readonly api?: Readonly<Record<string, string>>;
  readonly worker?: Readonly<Record<string, string>>;
  /** How many relay and work: one unless it says so. */
  readonly workers?: number;
  /** With the limits that a service has by itself, which are off in most tests. */
  readonly ownLimits?: boolean;
  /** Without API keys: everybody is the client `local`. */
  readonly open?: boolean;
  /** Events go through a real broker, and its topics are read along. */
  readonly kafka?: boolean;
}

/** What an attack may use: everything that a caller has, and for the verdict what the operator and the provider see. */
export interface Deployment {
  /** By replica: what the caller holds in hand, with its key. */
  as(caller: Caller): readonly [Api, Api];
  /** The API of one client at one of the two replicas. */
  at(index: number, caller?: Caller): Api;
  readonly provider: SmsServer;
  readonly database: TestDatabase;
  /** Two of the API, then those that relay and work. */
  readonly processes: readonly ServiceProcess[];
  readonly worker: ServiceProcess;
  readonly metricsPorts: readonly number[];
  readonly topics: KafkaTopics;
  /** Of every process: what an attacker must not have. */
  readonly environment: Readonly<Record<string, string>>;
  /** The `main.js` of every process. */
  readonly main: string;
  /** The key of a caller, as only the caller knows it. */
  keyOf(caller: Caller): string;
  /** A fresh agreement of a caller whose code is out. */
  agreement(fields?: Record<string, unknown>, caller?: Caller): Promise<SentAgreement>;
  /** A further code for it, once the interval is over: that is now. */
  nextCode(agreement: SentAgreement): Promise<string>;
  /** Makes it as if the last request for a code were an hour old. */
  letTimePass(reference: string): Promise<void>;
}

const REPLICAS = 2;
const SCOPES = 'create+confirm+read+admin+operator';

let lastNumber = 0;

/** A mobile number that no other attack uses, each with another prefix than those before it: limits hold per prefix. */
export function farPhone(): string {
  lastNumber += 1;
  const spread = (process.pid * 7919 + lastNumber * 10_007) % 10_000_000;
  return `+7916${String(spread).padStart(7, '0')}`;
}

/**
 * Two API processes and one that relays and works, on one database, with a provider; gone with the `describe` around it.
 * @param main gives another build's `main.js` for all of them
 */
export function useDeployment(settings: DeploymentSettings, main?: () => Promise<string>): Deployment {
  const database = useDatabase();
  const processes = useProcesses(database);
  const started = new Started(database, settings);
  beforeAll(async () => {
    const program = main && (await main());
    await watchEvents(database);
    await started.start((env) => processes.start(env, program), program);
  }, 60_000);
  afterAll(() => started.stop());
  return started;
}

class Started implements Deployment {
  readonly processes: ServiceProcess[] = [];
  readonly metricsPorts: number[] = [];
  environment: Readonly<Record<string, string>> = {};
  main = '';
  readonly #keys: Readonly<Record<Caller, string>> = { shop: apiKey(), bank: apiKey(), victim: apiKey() };
  #provider: SmsServer | undefined;
  #topics: KafkaTopics | undefined;

  constructor(
    readonly database: TestDatabase,
    private readonly settings: DeploymentSettings,
  ) {}

  async start(run: (env: Record<string, string>) => Promise<ServiceProcess>, main = BUILT): Promise<void> {
    this.main = main;
    this.#provider = await SmsServer.start();
    if (this.settings.kafka) {
      this.#topics = new KafkaTopics(testKafkaBrokers());
      await this.#topics.open();
    }
    const keys = Object.entries(this.#keys).map(([client, key]) => `${client}:${sha256(key)}:${SCOPES}`);
    const usual = testEnvironment(this.database);
    this.environment = {
      ...(this.settings.ownLimits ? withoutLimits(usual) : usual),
      ...(this.settings.open ? {} : { API_KEYS: keys.join(',') }),
      ...this.#provider.environment,
      ...this.#topics?.environment,
      ...this.settings.env,
    };
    const { api, worker, workers = 1 } = this.settings;
    for (const roles of ['api', 'api', ...new Array<string>(workers).fill('relay,worker')]) {
      const [port] = await freePorts();
      this.metricsPorts.push(port);
      this.processes.push(
        await run({
          ...this.environment,
          ...(roles === 'api' ? api : worker),
          ROLES: roles,
          METRICS_PORT: String(port),
        }),
      );
    }
    await Promise.all(this.processes.map((process) => process.ready(40_000)));
  }

  async stop(): Promise<void> {
    await Promise.all([this.#topics?.close(), this.#provider?.stop()]);
  }

  get provider(): SmsServer {
    return present(this.#provider);
  }

  get topics(): KafkaTopics {
    return present(this.#topics);
  }

  get worker(): ServiceProcess {
    return present(this.processes[REPLICAS]);
  }

  keyOf(caller: Caller): string {
    return this.#keys[caller];
  }

  as(caller: Caller): readonly [Api, Api] {
    return [this.at(0, caller), this.at(1, caller)];
  }

  at(index: number, caller: Caller = 'shop'): Api {
    const { api } = present(this.processes[index % REPLICAS]);
    return this.settings.open ? api : api.with({ authorization: `Bearer ${this.#keys[caller]}` });
  }

  async agreement(fields: Record<string, unknown> = {}, caller: Caller = 'shop'): Promise<SentAgreement> {
    const phone = String(fields['phone'] ?? farPhone());
    const before = this.provider.to(phone).length;
    const { status, body } = await this.at(lastNumber, caller).create({ ...fields, phone });
    if (status !== 201) throw new Error(`a create was answered with ${status} ${body['code']}`);
    const reference = String(body['reference']);
    return { reference, phone, code: await this.#codeOf(reference, phone, before + 1, caller) };
  }

  async nextCode({ reference, phone }: SentAgreement): Promise<string> {
    const before = this.provider.to(phone).length;
    await this.letTimePass(reference);
    const { status, body } = await this.at(1).post(`/v1/agreement/${reference}/resend`);
    if (status !== 202) throw new Error(`a resend was answered with ${status} ${body['code']}`);
    return this.#codeOf(reference, phone, before + 1, 'shop');
  }

  async letTimePass(reference: string): Promise<void> {
    await this.database.query(
      `UPDATE agreement SET requested_at = requested_at - interval '1 hour' WHERE reference = $1`,
      [reference],
    );
  }

  async #codeOf(reference: string, phone: string, count: number, caller: Caller): Promise<string> {
    const texts = await this.provider.received(phone, count);
    await this.at(0, caller).until(reference, { delivery: 'sent' });
    return codeIn(texts.at(-1)?.body.text ?? '');
  }
}

const BUILT = new URL('../../dist/main.js', import.meta.url).pathname;

function withoutLimits(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(LIMIT|GUARD)_/.test(name)));
}

function apiKey(): string {
  return `attack-${randomBytes(32).toString('base64url')}`;
}

function sha256(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the deployment is started in beforeAll');
  return value;
}
