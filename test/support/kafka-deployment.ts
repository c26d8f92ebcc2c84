import { afterAll, beforeAll } from '@jest/globals';
import { type TestDatabase, useDatabase } from './database.js';
import { testKafkaBrokers } from './kafka.js';
import { KafkaTopics } from './kafka-topics.js';
import { type Processes, useProcesses } from './process.js';
import { testEnvironment } from './service.js';
import { SmsServer } from './sms-server.js';

/** What the processes of one spec file stand on: a database, topics of their own, and an SMS provider. */
export class KafkaDeployment {
  readonly database: TestDatabase = useDatabase();
  readonly processes: Processes = useProcesses(this.database);
  #topics: KafkaTopics | undefined;
  #provider: SmsServer | undefined;

  /** There from the first `beforeAll` behind it, and ended with the spec file. */
  constructor() {
    beforeAll(async () => {
      this.#provider = await SmsServer.start();
      this.#topics = new KafkaTopics(testKafkaBrokers());
      await this.#topics.open();
    }, 60_000);
    afterAll(() => Promise.all([this.#topics?.close(), this.#provider?.stop()]));
  }

  get topics(): KafkaTopics {
    if (!this.#topics) throw new Error('the topics are made in beforeAll');
    return this.#topics;
  }

  get provider(): SmsServer {
    if (!this.#provider) throw new Error('the provider is started in beforeAll');
    return this.#provider;
  }

  /** The environment of a process that uses all of it. */
  environment(env: Record<string, string> = {}): Record<string, string> {
    return testEnvironment(this.database, { ...this.topics.environment, ...this.provider.environment, ...env });
  }
}
