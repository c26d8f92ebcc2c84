import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Api } from './support/api.js';
import { useDatabase } from './support/database.js';
import { useProcesses } from './support/process.js';
import { cliData, runCli } from './support/program.js';
import { testEnvironment } from './support/service.js';
import { until } from './support/until.js';

const sha256 = (key: string): string => createHash('sha256').update(key).digest('hex');
const USAGE = /Usage: keys create CLIENT .*\n$/;

interface NewKey {
  readonly key: string;
  readonly id: string;
  readonly client: string;
  readonly scopes: string[];
  readonly entry: string;
}
const create = (...args: string[]) => cliData<NewKey>(['keys', 'create', ...args], {});

describe('the command keys', () => {
  const database = useDatabase();
  const processes = useProcesses(database);

  it('makes a key of 256 random bits, another one each time, and tells its hash', async () => {
    const made = await Promise.all([1, 2, 3, 4].map(() => create('shop')));
    for (const { key, id, entry, ...rest } of made) {
      expect(key).toMatch(/^agr_[\w-]{43}$/);
      expect(Buffer.from(key.slice(4), 'base64url')).toHaveLength(32);
      expect([id, entry]).toEqual([sha256(key).slice(0, 8), `shop:${sha256(key)}:create+confirm+read`]);
      expect(rest).toEqual({ client: 'shop', scopes: ['create', 'confirm', 'read'] });
    }
    expect(new Set(made.map(({ key }) => key)).size).toBe(4);
  });

  it('prints for a person the same as for a program, the key once', async () => {
    const { code, stdout, stderr } = await runCli(['keys', 'create', 'shop.ru-1_x', '--scope', 'read'], {});
    const [, key = ''] = /^Key +(agr_\S+)$/m.exec(stdout) ?? [];
    expect([code, stderr, stdout.split(key).length]).toEqual([0, '', 2]);
    expect(stdout).toContain(`Entry  shop.ru-1_x:${sha256(key)}:read\n`);
    expect(stdout).toContain(`Id     ${sha256(key).slice(0, 8)}\n`);
  });

  it('takes scopes together or one by one, each once, and asks for no configuration', async () => {
    const scopes = async (...args: string[]) => (await create('shop', ...args)).scopes;
    expect(await scopes('--scope', 'read+create', '--scope=operator', '--scope', 'read')).toEqual([
      ...['read', 'create', 'operator'],
    ]);
    const wrong = { NODE_ENV: 'production', API_KEYS_FILE: '/nowhere', PORT: 'x', DATABASE_URL: 'x' };
    expect((await runCli(['keys', 'create', 'shop'], wrong)).code).toBe(0);
  });

  it.each([
    ...[
      [],
      ['make'],
      ['create'],
      ['create', ''],
      ['create', 'a b'],
      ['create', 'a:b'],
      ['create', 'a,b'],
      ['create', 'é'],
    ],
    ...[
      ['create', 'x'.repeat(65)],
      ['create', 'shop', 'bank'],
      ['create', 'shop', '--scope'],
      ['list', 'shop'],
    ],
    ...['', 'write', 'read+', 'read,create', 'Read', 'read:x'].map((scope) => ['create', 'shop', '--scope', scope]),
    ...[
      ['create', 'shop', '--scopes', 'read'],
      ['list', '--scope', 'read'],
      ['__proto__'],
      ['create', '--scope', 'read'],
    ],
  ])('is refused with its usage when typed as %j %j %j %j', async (...args) => {
    const { code, stdout, stderr } = await runCli(['keys', ...args.filter((arg) => typeof arg === 'string')], {});
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(USAGE);
  });

  it('explains itself', async () => {
    for (const args of [['--help'], ['create', '--help'], ['list', '--help']]) {
      const { code, stdout } = await runCli(['keys', ...args], {});
      expect([code, stdout]).toEqual([0, expect.stringMatching(/create CLIENT \[--scope SCOPE\]…[^]*\n {2}list /)]);
    }
    expect((await runCli(['--help'], {})).stdout).toContain('keys --help');
  });

  it('makes keys that open a service which is started with their entries, and it tells nobody', async () => {
    const [shop, reader] = [await create('shop'), await create('bank', '--scope', 'read')];
    const file = join(await processes.folder(), 'api-keys');
    await writeFile(file, `${shop.entry},${reader.entry}\n`);
    const service = await (await processes.start({ ...testEnvironment(database), API_KEYS_FILE: file })).ready();
    const as = ({ key }: NewKey): Api => service.api.with({ authorization: `Bearer ${key}` });
    expect((await as(shop).create()).status).toBe(201);
    expect((await as(reader).get('/v1/agreement')).body['items']).toEqual([]);
    expect((await as(reader).create()).status).toBe(403);
    expect((await service.api.create()).status).toBe(401);
    expect((await as(await create('shop')).create()).status).toBe(401);

    const renewed = await create('shop');
    await writeFile(file, `${renewed.entry},${reader.entry}\n`);
    await until('the file is read again', async () => (await as(renewed).create()).status === 201);
    expect((await as(shop).create()).status).toBe(401);
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    const used = service.log.filter(({ msg, client }) => msg === 'request' && client === 'shop').map(({ key }) => key);
    expect(new Set(used)).toEqual(new Set([shop.id, renewed.id]));
    for (const { key } of [shop, reader, renewed]) {
      expect(service.output).not.toContain(key.slice(4));
      expect(service.output).not.toContain(sha256(key));
    }
  });

  it('lists whose keys are set, where they are set, and shows none', async () => {
    const [shop, bank] = [await create('shop'), await create('longer-name', '--scope', 'operator+read')];
    const file = join(await processes.folder(), 'api-keys');
    await writeFile(file, `${shop.entry}, ${bank.entry}\n`);
    for (const env of [{ API_KEYS_FILE: file }, { API_KEYS: `${shop.entry},${bank.entry}` }]) {
      const keys = [shop, bank].map(({ client, id, scopes }) => ({ client, id, scopes }));
      expect(await cliData(['keys', 'list'], env)).toEqual({ keys });
      expect(await runCli(['keys', 'list'], env)).toMatchObject({
        code: 0,
        stdout: `shop         ${shop.id}  create+confirm+read\nlonger-name  ${bank.id}  operator+read\n2 keys\n`,
      });
    }
    expect(await cliData(['keys', 'list'], {})).toEqual({ keys: [] });
  });

  it('says what is wrong with the keys that are set, without them', async () => {
    const refused = await runCli(['keys', 'list'], { API_KEYS: `shop:${'ab'.repeat(32)},CANARY` });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/API_KEYS: must be client:sha256-hex.*; see entry 2\n$/);
    expect(refused.stderr).not.toMatch(/CANARY|abab/);
    expect(await runCli(['keys', 'list'], { API_KEYS_FILE: '/CANARY' })).toMatchObject({
      ...{ code: 1, stdout: '' },
      stderr: expect.stringMatching(/API_KEYS_FILE: the file cannot be read \(ENOENT\)\n$/),
    });
  });
});
