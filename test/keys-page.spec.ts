import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SentAgreement } from './support/api.js';
import { useDatabase } from './support/database.js';
import { read } from './support/packaging.js';
import { startService, type TestService } from './support/service.js';

const page = read('docs/keys.md');
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map(([, text = '']) => text);
const [make = '', add = '', promote = '', remove = '', ...otherCommands] = blocks('sh');
const [countAlive = '', countContacts = '', endCodes = '', ...otherStatements] = blocks('sql');

describe('the page about keys', () => {
  const database = useDatabase();
  let folder: string;
  let service: TestService;
  let sent: SentAgreement[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'agreement-keys-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const start = (): Promise<TestService> => {
    const files = { OTP_KEYS_FILE: join(folder, 'otp-keys'), CONTACT_KEYS_FILE: join(folder, 'contact-keys') };
    return startService(database, { OTP_KEYS: '', CONTACT_KEYS: '', OTP_RESEND_INTERVAL: '0', ...files });
  };
  /** Types what the page says, in the folder of the keys; gives the ids that are then in the ring. */
  async function types(commands: string): Promise<string[]> {
    await promisify(execFile)('sh', ['-e', '-c', commands], { cwd: folder });
    const ring = await readFile(join(folder, 'otp-keys'), 'utf8');
    expect((await stat(join(folder, 'otp-keys'))).mode & 0o777).toBe(0o600);
    return ring.split(',').map((entry) => entry.split(':')[0] ?? '');
  }
  async function restart(): Promise<void> {
    await service.stop();
    service = await start();
  }
  const confirm = async ({ reference, code }: SentAgreement) => (await service.api.confirm(reference, code)).status;

  it('has no commands that are not tried here', () => {
    expect([...otherCommands, ...otherStatements]).toEqual([]);
  });

  it('makes keys that the service takes, for their owner only', async () => {
    expect(await types(make)).toEqual(['2026a']);
    service = await start();
    sent = [await service.api.createAndAwaitCode(), await service.api.createAndAwaitCode()];
  });

  it('adds a second key, then makes it the first; codes that are on their way stay good', async () => {
    expect(await types(add)).toEqual(['2026a', '2026b']);
    await restart();
    sent.push(await service.api.createAndAwaitCode());
    expect(await types(promote)).toEqual(['2026b', '2026a']);
    await restart();
    sent.push(await service.api.createAndAwaitCode());
    const [first] = sent.splice(0, 1) as [SentAgreement];
    expect(await confirm(first)).toBe(200);
  });

  it('counts what is left of each key', async () => {
    const alive = await database.query<{ code_key_id: string; count: string }>(countAlive);
    expect(alive.sort((one, other) => one.code_key_id.localeCompare(other.code_key_id))).toEqual([
      { code_key_id: '2026a', count: '2' },
      { code_key_id: '2026b', count: '1' },
    ]);
    expect(await database.query(countContacts)).toEqual([{ contact_key_id: '2026a', count: '4' }]);
  });

  it('is refused where the first key goes too early, and says what the page says', async () => {
    const refusal = /`(OTP_KEYS lacks the key 2026a[^`]+)`/.exec(page)?.[1];
    await service.stop();
    expect(await types(remove)).toEqual(['2026b']);
    const early = await start();
    expect(early.log.join('\n')).toContain(refusal ?? 'what the page does not say');
    await early.stop();
  });

  it('ends the codes of a key that leaked or was lost; another code can be asked for, others stay good', async () => {
    await database.query(endCodes);
    service = await start();
    const [old, another, newest] = sent as [SentAgreement, SentAgreement, SentAgreement];
    expect(await Promise.all([old, another, newest].map(confirm))).toEqual([410, 410, 200]);
    const code = await service.api.resendAndAwaitCode(old);
    expect(await confirm({ ...old, code })).toBe(200);
  });
});
