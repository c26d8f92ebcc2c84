import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../src/config.js';
import { useDatabase } from './support/database.js';
import * as packaging from './support/packaging.js';
import { useProcesses } from './support/process.js';
import { runCli } from './support/program.js';
import { startService } from './support/service.js';

const { devDependencies } = JSON.parse(packaging.read('package.json')) as Record<string, Record<string, string>>;
const dockerfile = packaging.read('Dockerfile');
const stages = packaging.stagesOf(dockerfile);
const runtime = [...stages.values()].at(-1);
const inRuntime = (keyword: string) => packaging.lastOf(runtime, keyword) ?? '';
const compose = packaging.read('docker-compose.yml');
const services = packaging.composeServices(compose);
const ROLES = ['api', 'relay', 'worker'];

/** Keys, so that reading a configuration makes none on this machine. */
const key = (of: string) => createHash('sha256').update(of).digest('base64');
const KEYS = { OTP_KEYS: `a:${key('codes')}`, CONTACT_KEYS: `b:${key('contacts')}` };

const PRODUCTION = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgresql://postgres/agreement',
  KAFKA_BROKERS: '127.0.0.1:1',
  API_KEYS: `shop:${createHash('sha256').update('the-key').digest('hex')}`,
  PHONE_COUNTRIES: 'RU',
  SMS_PROVIDERS: 'http',
  SMS_HTTP_URL: 'https://sms.example.com',
  SMS_HTTP_TOKEN: 'token',
  ...KEYS,
};

describe('the image', () => {
  it('has a Dockerfile without fault', () => {
    expect(packaging.lintDockerfile(dockerfile)).toEqual([]);
  });

  it('would not have one if there were a fault in it', () => {
    expect(packaging.lintDockerfile(dockerfile.replace('WORKDIR /app', 'WORKDIR app'))).toHaveLength(1);
    expect(packaging.lintDockerfile(dockerfile.replace('EXPOSE 3000', 'EXPOSE http'))).toHaveLength(1);
  });

  it('is made with the Node of package.json, in every stage', () => {
    const images = new Set([...stages.values()].map(({ image }) => image));
    expect([...images]).toEqual([`node:${devDependencies?.['node'] ?? ''}-bookworm-slim`]);
  });

  it('runs in production, for everybody who can reach it, as a user without rights', () => {
    const settings = runtime?.instructions.filter((step) => step.getKeyword() === 'ENV');
    expect(settings?.map((step) => step.getArgumentsContent())).toEqual(['NODE_ENV=production', 'HOST=0.0.0.0']);
    expect(inRuntime('USER')).toBe('1000:1000');
    expect(inRuntime('STOPSIGNAL')).toBe('SIGTERM');
    expect(runtime?.instructions.at(-1)?.getKeyword()).toBe('CMD');
  });

  it('starts what the build makes, without a shell in between', () => {
    expect(JSON.parse(inRuntime('CMD'))).toEqual(['node', 'dist/main.js']);
    expect(packaging.filesIn('dist')).toEqual(expect.arrayContaining(['dist/main.js', 'dist/cli.js']));
  });

  it('is built from the sources and nothing else: no secret of the folder gets into it', () => {
    const secrets = ['.env', '.env.production', '.npmrc', '.git/config', '.data/otp-key', 'src/.env', 'key.pem'];
    const others = [
      'node_modules/pg/package.json',
      'dist/main.js',
      'test/packaging.spec.ts',
      'README.md',
      'src/a.spec.ts',
    ];
    const sources = ['src', 'migrations', 'gateways'].flatMap((folder) => packaging.filesIn(folder));
    const needed = [
      'package.json',
      'package-lock.json',
      '.swcrc',
      ...sources.filter((file) => !file.endsWith('.spec.ts')),
    ];
    expect(packaging.inBuildContext([...secrets, ...others, ...needed]).sort()).toEqual(needed.sort());
  });
});

describe('what runs in the image', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  const ofImage = JSON.parse(inRuntime('HEALTHCHECK').replace(/^.*?CMD /, '')) as string[];
  const [, ...ofRoles] = services['api']?.healthcheck.test ?? [];
  /** As if only the packages of the image were installed. */
  const NODE_OPTIONS = `--import=${new URL('./support/packaging-dependencies.mjs', import.meta.url).href}`;

  it('asks for no package that the image leaves out: it serves', async () => {
    expect(packaging.lastOf(stages.get('dependencies'), 'RUN')).toContain('npm ci --omit=dev --omit=optional ');
    const settings = { ...PRODUCTION, DATABASE_URL: database.url, ROLES: 'api', SHUTDOWN_DELAY: '0', NODE_OPTIONS };
    const service = await (await processes.start(settings)).ready();
    const document = { id: 'offer', version: '1', sha256: '0'.repeat(64) };
    const created = await service.api.with({ authorization: 'Bearer the-key' }).create({ document });
    expect(created).toMatchObject({ status: 201, body: { status: 'pending' } });
    expect(await service.stop()).toEqual({ code: 0, signal: null });
  });

  it('asks for no package that the image leaves out: it migrates', async () => {
    const done = await runCli(['migration:run'], { DATABASE_URL: database.url, NODE_OPTIONS });
    expect(done).toMatchObject({ code: 0, stdout: 'The schema is up to date.\n' });
  });

  it('would not do without them', async () => {
    expect(await packaging.exitCodeOf(['node', '--eval', "import('prettier')"], { NODE_OPTIONS })).toBe(1);
    expect(await packaging.exitCodeOf(['node', '--eval', "import('typeorm')"], { NODE_OPTIONS })).toBe(0);
  });

  it('says whether it lives by the command of the image, and whether it is ready by that of the roles', async () => {
    expect(ofImage.join(' ')).toContain('/health/live');
    expect(ofRoles.join(' ')).toContain('/health/ready');
    const service = await startService(database);
    const { port } = new URL(service.url);
    const askRoles = ofRoles.map((word) => word.replace(':3000', `:${port}`));
    expect(await packaging.exitCodeOf(ofImage, { PORT: port })).toBe(0);
    expect(await packaging.exitCodeOf(askRoles, {})).toBe(0);
    await service.stop();
    expect(await packaging.exitCodeOf(ofImage, { PORT: port })).toBe(1);
    expect(await packaging.exitCodeOf(askRoles, {})).toBe(1);
  });
});

describe('docker compose', () => {
  it('has a file without fault', async () => {
    expect(await packaging.lintCompose(compose)).toEqual([]);
  });

  it.each([
    ['a port for the whole network', "'127.0.0.1:9092:9092'", "'9092:9092'"],
    ['an image without a version', 'postgres:18', 'postgres'],
    ['a key that compose does not know', 'cap_drop:', 'cap_dropp:'],
    ['a mapping where a text belongs', '[CMD, pg_isready,', '[CMD, a: b,'],
  ])('would not have one with %s', async (_, right, wrong) => {
    expect(compose).toContain(right);
    expect(await packaging.lintCompose(compose.replace(right, wrong))).not.toEqual([]);
  });

  it('runs every role in a process of its own, from the one image that it builds', () => {
    expect(ROLES.map((role) => services[role]?.environment['ROLES'])).toEqual(ROLES);
    const builders = Object.entries(services).filter(([, { build }]) => build !== undefined);
    expect(builders.map(([name]) => name)).toEqual(['migrate']);
    expect(ROLES.map((role) => services[role]?.image)).toEqual(ROLES.map(() => services['migrate']?.image));
  });

  it('lets none of them do more than it needs to', () => {
    const hardened = { init: true, read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] };
    for (const name of ['migrate', ...ROLES]) expect(services[name]).toMatchObject(hardened);
  });

  it('gives each of them settings that it accepts without a warning', () => {
    for (const role of ROLES) {
      const config = readConfig({ ...services[role]?.environment, ...KEYS });
      expect(config).toMatchObject({
        production: false,
        warnings: [],
        database: { migrate: false },
        sms: { providers: ['sandbox'] },
      });
    }
  });

  it('brings the schema up to date before any of them starts', () => {
    expect(services['migrate']).toMatchObject({ command: ['node', 'dist/cli.js', 'migration:run'], restart: 'no' });
    for (const role of ROLES) {
      expect(services[role]?.depends_on?.['migrate']).toEqual({ condition: 'service_completed_successfully' });
    }
  });

  it('holds no key: the roles find theirs in a volume that they share and may write to', () => {
    expect(compose).not.toMatch(/^ +\w*(KEYS|PASSWORD|TOKEN|SECRET)\w*:/m);
    for (const role of ROLES) {
      expect(services[role]?.volumes).toEqual([`keys:${services[role]?.environment['DATA_DIR'] ?? ''}`]);
    }
    expect(services['api']?.environment['DATA_DIR']).toBe(`${inRuntime('WORKDIR')}/.data`);
    expect(inRuntime('RUN')).toBe('install --directory --owner=1000 --group=1000 --mode=0700 .data');
  });

  it('publishes its ports to this machine only', () => {
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);
    expect(ports).toEqual(['127.0.0.1:9092:9092', '127.0.0.1:3000:3000']);
  });

  it('waits longer for a role to stop than a role may take, in production too', () => {
    const production = readConfig(PRODUCTION);
    const longest = production.shutdown.delay + production.shutdown.timeout + 1000;
    for (const role of ROLES)
      expect(Number.parseInt(services[role]?.stop_grace_period ?? '') * 1000).toBeGreaterThan(longest);
  });
});
