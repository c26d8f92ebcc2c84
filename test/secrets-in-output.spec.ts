import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import * as packaging from './support/packaging.js';
import { useProcesses } from './support/process.js';
import { runCli } from './support/program.js';
import { testEnvironment } from './support/service.js';
import { faultsOf } from './support/setting.js';
import { until } from './support/until.js';

const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', '.env.example', 'docker-compose.yml', 'Dockerfile'];

describe('what the project prints', () => {
  const pages = [...DOCUMENTS, ...packaging.filesIn('docs').filter((path) => path.endsWith('.md'))];
  const texts = pages.map((path) => packaging.read(path));
  /** What follows the name of a key ring, up to the next space. */
  const offered = texts.flatMap((text) => text.match(/(?<=(OTP|CONTACT)_KEYS=['"]?)[^\s'"`]+/g) ?? []);
  const compose = packaging.composeServices(packaging.read('docker-compose.yml'));

  it('holds no key that production would take', () => {
    const taken = offered.filter((OTP_KEYS) => {
      const faults = faultsOf({ NODE_ENV: 'production', OTP_KEYS });
      return !faults.some((fault) => fault.startsWith('OTP_KEYS'));
    });
    expect(offered.length).toBeGreaterThan(0);
    expect(taken).toEqual([]);
  });

  it.each(['api', 'relay', 'worker', 'migrate'])('gives the container %s no secret', (name) => {
    const { environment } = compose[name] as { environment: Record<string, string> };
    const secrets = Object.keys(environment).filter((setting) => /(KEY|TOKEN|PASSWORD|SECRET)S?$/.test(setting));
    expect(secrets).toEqual([]);
    expect(URL.parse(environment['DATABASE_URL'] ?? '')?.password).toBe('');
  });

  it('is no production: as one its own environment is refused for every key', () => {
    const faults = faultsOf({ ...compose['api']?.environment, NODE_ENV: 'production' });
    const names = faults.map((fault) => fault.split(':')[0]);
    expect(names).toEqual(expect.arrayContaining(['API_KEYS', 'OTP_KEYS', 'CONTACT_KEYS', 'SMS_PROVIDERS']));
  });
});

describe('a process that cannot reach what it needs', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  const password = `CANARY${randomBytes(8).toString('hex')}`;
  const withPassword = (change: (url: URL) => void): string => {
    const url = new URL(database.url);
    url.username = 'agreement';
    url.password = password;
    change(url);
    return url.href;
  };
  /** Takes connections and ends each at the first byte. */
  let closing: Server;
  let port: number;
  beforeAll(async () => {
    closing = createServer((socket) => socket.on('error', () => undefined).once('data', () => socket.destroy()));
    await new Promise<void>((resolve) => closing.listen(0, '127.0.0.1', resolve));
    port = (closing.address() as { port: number }).port;
  });
  afterAll(() => new Promise((resolve) => closing.close(resolve)));

  const URLS: readonly (readonly [string, () => string])[] = [
    ['where nobody listens', () => withPassword((url) => (url.port = '1'))],
    ['that hangs up', () => withPassword((url) => (url.port = String(port)))],
    ['that knows no such user', () => withPassword(() => undefined)],
    ['whose URL cannot be decoded', () => `postgresql://agreement:${password}%E0%A4@127.0.0.1:1/agreement`],
    ['whose URL is none', () => `postgresql://agreement:${password}@[127.0.0.1/agreement`],
  ];

  it.each(URLS)('does not say the password of a database %s, nor do the commands', async (_, urlOf) => {
    const service = await processes.start(
      testEnvironment(database, { DATABASE_URL: urlOf(), LOG_LEVEL: 'trace', MIGRATE: 'true' }),
    );
    const env = { DATABASE_URL: urlOf(), DATABASE_DIRECT_URL: urlOf() };
    const commands = await Promise.all([['migration:run'], ['outbox', 'list']].map((args) => runCli(args, env)));
    const said = (): boolean => service.output.includes('waiting for PostgreSQL') || !service.isRunning;
    await until('it waits or has ended', said, 20_000);
    if (service.isRunning) await service.stop();
    await service.ended;
    expect(commands.map(({ code }) => code)).not.toContain(0);
    const output = [service.output, ...commands.map(({ stdout, stderr }) => stdout + stderr)];
    for (const text of output) {
      expect(text).not.toBe('');
      expect(text).not.toContain('CANARY');
    }
  });

  it.each(['plain', 'scram-sha-512'])('does not say the password of Kafka (%s)', async (mechanism) => {
    const login = {
      ...{ KAFKA_BROKERS: `127.0.0.1:${port},127.0.0.1:1`, KAFKA_SASL_MECHANISM: mechanism },
      ...{ KAFKA_SASL_USERNAME: 'agreement', KAFKA_SASL_PASSWORD: password },
    };
    const service = await processes.start(testEnvironment(database, { ...login, LOG_LEVEL: 'trace' }));
    await until('kafkajs complains', () => service.output.includes('"from":"kafkajs'), 15_000);
    await service.stop();
    const { stdout, stderr, code } = await runCli(['dlq', 'list'], login);
    expect(code).toBe(3);
    expect(service.output + stdout + stderr).not.toContain('CANARY');
    const encoded = Buffer.from(password).toString('base64').slice(0, 16);
    expect(service.output + stdout + stderr).not.toContain(encoded);
  });
});
