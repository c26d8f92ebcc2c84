import { createHash, randomBytes } from 'node:crypto';
import { type Api, codeIn } from './api.js';
import type { TestDatabase } from './database.js';
import { startService, type TestService } from './service.js';
import { answers, type SmsAnswer, SmsServer } from './sms-server.js';
import { until } from './until.js';

/** A lock that stands in the way of every claim. */
const HOLD = 'LOCK TABLE send_try IN EXCLUSIVE MODE';

type Env = Readonly<Record<string, string>>;

/** Limits under test: two senders, a provider, and two processes that take requests. */
export interface Limited {
  readonly provider: SmsServer;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** These services and none of an earlier test: two that take requests and two that send. */
  only(env: { api?: Env; workers?: Env; all?: Env }): Promise<[Api, Api]>;
  /** Two more that send. */
  work(env: Env): Promise<void>;
  /** Keys of clients: the environment that knows them, and what each of them sends. */
  clients(...names: string[]): { env: Record<string, string>; headers: { authorization: string }[] };
  /** Nothing is claimed until it is released. */
  holdSenders(): Promise<void>;
  /** Once all of these wait to be claimed. */
  releaseSenders(references: readonly string[]): Promise<void>;
  codeSentTo(phone: string, count: number): Promise<string>;
  later(times: number): SmsAnswer[];
  /** What the services have logged that are running. */
  logs(): Record<string, unknown>[];
}

export function useLimited(database: TestDatabase): Limited {
  let provider: SmsServer | undefined;
  let running: TestService[] = [];
  const theProvider = (): SmsServer => provider ?? raise('the provider is started in beforeAll');
  const two = (env: Env): Promise<TestService[]> => {
    const environment = { ...theProvider().environment, OTP_RESEND_INTERVAL: '0', ...env };
    return Promise.all([startService(database, environment), startService(database, environment)]);
  };
  return {
    get provider() {
      return theProvider();
    },
    start: async () => {
      provider = await SmsServer.start();
    },
    stop: async () => {
      await provider?.stop();
    },
    only: async ({ api, workers, all }) => {
      await Promise.all(running.map((service) => service.stop()));
      const takers = await two({ ...all, ...api, ROLES: 'api' });
      running = takers;
      if (workers ?? all) running = [...takers, ...(await two({ ...all, ...workers, ROLES: 'relay,worker' }))];
      const [one, other] = takers.map(({ api: taker }) => taker);
      return [one ?? raise('two were started'), other ?? raise('two were started')];
    },
    work: async (env) => {
      running = [...running, ...(await two({ ...env, ROLES: 'relay,worker' }))];
    },
    clients: (...names) => {
      const keys = names.map((name) => ({ name, key: randomBytes(32).toString('base64url') }));
      const entries = keys.map(({ name, key }) => `${name}:${createHash('sha256').update(key).digest('hex')}:admin`);
      return {
        env: { API_KEYS: entries.join(',') },
        headers: keys.map(({ key }) => ({ authorization: `Bearer ${key}` })),
      };
    },
    holdSenders: async () => {
      await database.query('BEGIN');
      await database.query(HOLD);
    },
    releaseSenders: async (references) => {
      await until('all are queued', async () => {
        const [row] = await database.query<{ count: number }>(
          'SELECT count(*)::integer AS count FROM send WHERE reference = ANY ($1)',
          [references],
        );
        return row?.count === references.length;
      });
      await database.query('COMMIT');
    },
    codeSentTo: async (phone, count) => {
      const texts = await until(`${count} texts`, () => {
        const found = theProvider().to(phone);
        return found.length >= count ? found : undefined;
      });
      return codeIn(texts.at(-1)?.body.text ?? '');
    },
    logs: () => running.flatMap(({ log }) => log.map((line) => JSON.parse(line) as Record<string, unknown>)),
    later: (times) => Array.from({ length: times }, () => answers.status(503, { 'retry-after': '0' })),
  };
}

function raise(what: string): never {
  throw new Error(what);
}
