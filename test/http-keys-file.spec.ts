import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { startService, type TestService } from './support/service.js';
import { until } from './support/until.js';

/** From the change of the file, in milliseconds. */
const HOLDS_WITHIN = 2_000;

const newKey = (): string => randomBytes(32).toString('base64url');
const sha256 = (key: string): string => createHash('sha256').update(key).digest('hex');
const idOf = (key: string): string => sha256(key).slice(0, 8);
const entry = (client: string, key: string, scopes = 'create+confirm+read'): string =>
  `${client}:${sha256(key)}:${scopes}`;

describe('the file behind API_KEYS_FILE', () => {
  const database = useDatabase();
  const folder = mkdtempSync(join(tmpdir(), 'agreement-keys-'));
  const file = join(folder, 'api-keys');
  const [stays, reads] = [newKey(), newKey()];
  const whole = [entry('shop', stays), entry('bank', reads, 'read')].join(',');
  let service: TestService;

  /** As Kubernetes changes a mounted secret: the file is a link through a link, and that one is swapped. */
  const swapLinks = (text: string, version: string): void => {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, 'api-keys'), text);
    symlinkSync(version, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };

  beforeAll(async () => {
    swapLinks(whole, '..first');
    symlinkSync('..data/api-keys', file);
    service = await startService(database, { API_KEYS_FILE: file });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const status = async (key: string, method = 'GET'): Promise<number> => {
    const headers = { authorization: `Bearer ${key}` };
    return (await fetch(`${service.url}/v1/agreement`, { method, headers })).status;
  };
  const lines = (msg: string): Record<string, any>[] =>
    service.log.map((line) => JSON.parse(line) as Record<string, any>).filter((line) => line['msg'] === msg);
  const taken = () => lines('API keys taken over');
  const refused = () => lines('API_KEYS_FILE cannot be used; the keys stay as they were');
  const replace = (text: string): void => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };

  /** Requests by a key that is good all the time, for as long as `work` takes; gives their statuses. */
  async function statusesDuring(work: () => Promise<void>): Promise<number[]> {
    const seen: number[] = [];
    let going = true;
    const callers = Array.from({ length: 4 }, async () => {
      while (going) seen.push(await status(stays));
    });
    await work().finally(() => (going = false));
    await Promise.all(callers);
    return seen;
  }

  it.each([
    ['swapped as a link', 3, swapLinks],
    ['replaced', 10, replace],
  ] as const)(
    'may be %s while requests run: the key that it has lost is lost within two seconds',
    async (how, times, swap) => {
      let old: string | undefined;
      const seen = await statusesDuring(async () => {
        for (let swaps = 0; swaps < times; swaps += 1) {
          const key = newKey();
          swap(`${whole},${entry('shop', key)}\n`, `..${how} ${swaps}`);
          await until('the new key is good', async () => (await status(key)) === 200, HOLDS_WITHIN);
          if (old !== undefined) expect(await status(old)).toBe(401);
          old = key;
        }
      });
      expect(seen.length).toBeGreaterThan(100);
      expect(new Set(seen)).toEqual(new Set([200]));
    },
  );

  describe('at rest', () => {
    /** Every test leaves the file like this. */
    const restore = async (text = whole): Promise<void> => {
      const count = taken().length;
      replace(text);
      await until('the file is taken over', () => taken().length > count);
    };
    beforeAll(async () => {
      await restore(`${whole},${entry('marker', newKey())}`);
      await restore();
    });

    it('is reported in a line with what is new and what is gone, by id', async () => {
      const key = newKey();
      const before = taken().length;
      replace(`${entry('shop', stays)}, ${entry('shop', key, 'admin')}, ${entry('bank', reads, 'read+create')}`);
      await until('the line', () => taken().length > before);
      expect(taken().slice(before)).toMatchObject([
        {
          level: 30,
          keys_of: { shop: 2, bank: 1 },
          added: [`shop:${idOf(key)}:admin`, `bank:${idOf(reads)}:create+read`],
          removed: [`bank:${idOf(reads)}:read`],
        },
      ]);
      expect(await status(reads, 'POST')).toBe(422);
      await restore();
    });

    it.each([
      ['empty', '', 'the file holds no key'],
      ['only a line end', '\n', 'the file holds no key'],
      [
        'cut off in an entry',
        whole.slice(0, -20),
        'API_KEYS: must be client:sha256-hex[:scope+scope], comma-separated; see entry 2',
      ],
      ['no list of keys', 'CANARY', 'API_KEYS: must be client:sha256-hex[:scope+scope], comma-separated; see entry 1'],
      ['no longer there', undefined, 'the file cannot be read (ENOENT)'],
    ])(
      'changes nothing where it is %s, says so once, and counts again when it is put right',
      async (_, text, reason) => {
        const [before, count] = [refused().length, taken().length];
        if (text === undefined) rmSync(file);
        else writeFileSync(file, text);
        await until('the error', () => refused().length > before);
        const headers = { host: new URL(service.url).host };
        expect((await fetch(`${service.url}/v1/agreement`, { headers })).status).toBe(401);
        expect([await status('CANARY'), await status(stays), await status(reads), await status(reads, 'POST')]).toEqual(
          [...[401, 200, 200, 403]],
        );
        await restore();
        expect(taken().slice(count)).toMatchObject([{ added: [], removed: [] }]);
        expect(refused().slice(before)).toMatchObject([{ level: 50, reason }]);
      },
    );

    it('is not believed while it is being written, however whole it looks', async () => {
      const count = taken().length;
      let writes = 0;
      // Cut off behind a digest: without its scopes the entry is good for more than it will be.
      await until('a hundred states of the file', () => {
        writeFileSync(file, `${entry('shop', stays)},part-${(writes += 1)}:${sha256(reads)}`);
        return writes === 100;
      });
      const key = newKey();
      replace(`${whole},${entry('shop', key)}`);
      await until('the whole file', async () => (await status(key)) === 200);
      expect(taken().slice(count)).toMatchObject([{ added: [expect.stringMatching(/^shop:/)], removed: [] }]);
    });
  });

  it('leaves which key was used in the line of a request, and nothing of a key or its hash anywhere', async () => {
    await status(stays);
    await status('CANARY-key');
    const last = await until('the lines', () => {
      const [good, bad] = lines('request').slice(-2);
      return good?.['status'] === 200 && bad?.['status'] === 401 ? { good, bad } : undefined;
    });
    expect(last.good).toMatchObject({ client: 'shop', key: idOf(stays) });
    expect(Object.keys(last.bad)).not.toEqual(expect.arrayContaining(['key']));
    const log = service.log.join('\n');
    expect(log).not.toMatch(/[\da-f]{64}|CANARY/);
    for (const key of [stays, reads]) expect(log).not.toContain(key);
  });
});
