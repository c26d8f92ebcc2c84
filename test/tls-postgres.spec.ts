import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Authority } from './support/certificates.js';
import { useProcesses } from './support/process.js';
import { runCli } from './support/program.js';
import { testEnvironment } from './support/service.js';
import { faultsOf } from './support/setting.js';
import { TlsPostgres } from './support/tls-postgres.js';
import { until } from './support/until.js';

const LOCALHOST = 'DNS:localhost';

describe('PostgreSQL over TLS', () => {
  let ours: Authority;
  let other: Authority;
  let postgres: TlsPostgres;
  const processes = useProcesses();
  beforeAll(async () => {
    [ours, other, postgres] = await Promise.all([
      Authority.create('our authority'),
      Authority.create('another authority'),
      TlsPostgres.start(),
    ]);
  }, 60_000);
  afterAll(() => Promise.all([ours.remove(), other.remove(), postgres.stop()]), 30_000);

  const environment = (ssl: string, host = 'localhost'): Record<string, string> =>
    testEnvironment(
      { url: postgres.url(host) },
      { DATABASE_SSL: ssl, MIGRATE: 'true', ...(ssl === 'verify-full' ? { DATABASE_SSL_CA_FILE: ours.file } : {}) },
    );
  const password = (): string => new URL(postgres.url('localhost')).password;

  /** Every session of the service by its purpose, and whether it is encrypted. */
  const sessions = () =>
    postgres.query<{ application_name: string; ssl: boolean }>(
      `SELECT DISTINCT application_name, ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)
       WHERE application_name LIKE 'agreement-service%' ORDER BY 1`,
    );

  it.each(['verify-full', 'require'])(
    '%s: migrations, statements, locks, LISTEN and commands are encrypted',
    async (ssl) => {
      await postgres.show(await ours.issue(LOCALHOST));
      expect(await runCli(['migration:run'], environment(ssl))).toMatchObject({ code: 0, stderr: '' });
      const service = await (await processes.start(environment(ssl))).ready();
      expect((await service.api.create()).status).toBe(201);
      const expected = [
        { application_name: 'agreement-service', ssl: true },
        { application_name: 'agreement-service direct', ssl: true },
      ];
      await until(
        'all sessions are encrypted',
        async () => JSON.stringify(await sessions()) === JSON.stringify(expected),
      );
      expect(await runCli(['outbox', 'status'], environment(ssl))).toMatchObject({ code: 0, stderr: '' });
      expect((await service.stop()).code).toBe(0);
    },
  );

  it('require: takes whoever answers, as documented', async () => {
    await postgres.show(await other.issue('DNS:elsewhere.example'));
    expect(await runCli(['outbox', 'status'], environment('require'))).toMatchObject({ code: 0 });
  });

  it.each<[string, string, string, RegExp, () => Promise<void>]>([
    [
      'verify-full: a server of another authority',
      'verify-full',
      'localhost',
      /unable to verify the first certificate|self-signed certificate|unable to get local issuer/,
      async () => postgres.show(await other.issue(LOCALHOST)),
    ],
    [
      'verify-full: a server of another name',
      'verify-full',
      '127.0.0.1',
      /does not match certificate's altnames/,
      async () => postgres.show(await ours.issue(LOCALHOST)),
    ],
    [
      'verify-full: a server without TLS',
      'verify-full',
      'localhost',
      /does not support SSL/,
      () => postgres.show(undefined),
    ],
    ['require: a server without TLS', 'require', 'localhost', /does not support SSL/, () => postgres.show(undefined)],
  ])('%s is not talked to, and the log says why', async (_, ssl, host, reason, show) => {
    await show();
    const env = environment(ssl, host);
    const service = await (await processes.start(env)).listens();
    const line = await until('a line about it', () => service.log.find(({ msg }) => msg === 'waiting for PostgreSQL'));
    expect(line).toMatchObject({ level: 'warn', reason: expect.stringMatching(reason) });
    expect(await service.api.get('/health/ready')).toMatchObject({
      status: 503,
      body: { waiting_for: expect.arrayContaining(['database']) },
    });
    expect(await service.api.create()).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(await sessions()).toEqual([]);
    for (const command of [['migration:run'], ['outbox', 'status']]) {
      const { code, stderr } = await runCli(command, env);
      expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringMatching(reason) });
      expect(stderr).not.toContain(password());
    }
    expect(service.output).not.toContain(password());
    await service.stop();
  });

  it('a certificate that goes wrong while the service runs: 503, and all is well again with a right one', async () => {
    await postgres.show(await ours.issue(LOCALHOST));
    const service = await (await processes.start(environment('verify-full'))).ready();
    await postgres.show(await other.issue(LOCALHOST));
    await postgres.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'agreement-service%'`,
    );
    await until('the connections are refused', async () => (await service.api.create()).status === 503);
    expect(service.log.filter(({ msg }) => msg === 'internal error')).toEqual([]);
    await postgres.show(await ours.issue(LOCALHOST));
    await until('the service is back', async () => (await service.api.create()).status === 201);
    await service.stop();
  });

  it.each(['sslmode=no-verify', 'sslmode=disable', 'ssl=0', 'sslrootcert=x&sslmode=require', 'uselibpqcompat=true'])(
    'a URL that says otherwise is refused: %s',
    (parameter) => {
      const DATABASE_URL = `postgresql://user:CANARY@localhost/x?${parameter}`;
      for (const DATABASE_SSL of ['verify-full', 'require']) {
        const faults = faultsOf({ DATABASE_URL, DATABASE_SSL });
        expect(faults).toEqual(['DATABASE_URL: must hold no ssl parameter beside DATABASE_SSL']);
      }
      const direct = faultsOf({
        DATABASE_URL: 'postgresql://localhost/x',
        DATABASE_DIRECT_URL: DATABASE_URL,
        DATABASE_SSL: 'require',
      });
      expect(direct).toEqual(['DATABASE_DIRECT_URL: must hold no ssl parameter beside DATABASE_SSL']);
    },
  );
});
