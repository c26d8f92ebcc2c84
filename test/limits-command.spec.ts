import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { useLimited } from './support/limited.js';
import { cliData, runCli } from './support/program.js';
import { testEnvironment } from './support/service.js';
import { until } from './support/until.js';

const database = useDatabase();
const limited = useLimited(database);
const LIMITS = { LIMIT_PHONE: '3/600', LIMIT_PREFIX: '5/3600' };
const GUARD = { GUARD_MIN_SENDS: '4', GUARD_MIN_CONVERSION: '0.5' };

/** The settings of the services, for a command beside them. */
const beside = (env: Record<string, string> = LIMITS): Record<string, string> => testEnvironment(database, env);

beforeAll(() => limited.start());
afterAll(() => limited.stop());

describe('limits', () => {
  it('lift frees a number that somebody has flooded, of all clients, and its owner can confirm', async () => {
    const keys = limited.clients('flooder', 'shop');
    const [api] = await limited.only({ all: { ...keys.env, LIMIT_PHONE: '3/600', LIMIT_PHONE_ALL: '4/86400' } });
    const [flooder, shop] = keys.headers.map((key) => api.with(key));
    if (!flooder || !shop) throw new Error('two clients');
    const victim = freshPhone();
    for (let n = 1; n <= 4; n += 1) expect((await flooder.create({ phone: victim })).status).toBe(n <= 3 ? 201 : 429);
    expect((await shop.create({ phone: victim })).status).toBe(201);
    expect((await shop.create({ phone: victim })).body).toMatchObject({ limit: 'phone' });
    await limited.codeSentTo(victim, 4);

    const shown = await runCli(['limits', 'show'], beside({ LIMIT_PHONE: '3/600', LIMIT_PHONE_ALL: '4/86400' }));
    expect(shown.stdout).toContain('3 of 3 in 600 s by flooder');
    expect(shown.stdout).toContain('4 of 4 in 86400 s');
    expect(shown.stdout).not.toContain(victim.slice(3, 11));

    const lifted = await runCli(['limits', 'lift', victim], beside());
    expect(lifted).toMatchObject({ code: 0, stderr: '' });
    expect(lifted.stdout).toMatch(/^4 texts to \+7916•••••\d\d count no longer\.\n$/);
    const asked = await shop.create({ phone: victim });
    expect(asked.status).toBe(201);
    const code = await limited.codeSentTo(victim, 5);
    expect((await shop.confirm(asked.body['reference'], code)).body['status']).toBe('confirmed');
  });

  it('lift ends the hold of a prefix, and says of a number what still stands in its way', async () => {
    const [api] = await limited.only({ all: GUARD });
    const phones = [0, 1, 2, 3].map((n) => `+7917321000${n}`);
    for (const phone of phones) expect((await api.create({ phone })).status).toBe(201);
    const ask = () => api.create({ phone: '+79173215555' });
    await until('the hold', async () => (await ask()).body['limit'] === 'hold');

    const [hold] = (await cliData<{ holds: object[] }>(['limits', 'show'], beside())).holds;
    expect(hold).toMatchObject({ kind: 'prefix', label: '+7917321', limit: 'hold', sends: 4, confirmed: 0 });
    const number = await cliData(['limits', 'lift', 'phone', phones[0] ?? ''], beside());
    expect(number).toMatchObject({ forgotten: 1, released: false, still_held: [{ label: '+7917321' }] });
    expect((await ask()).status).toBe(429);

    expect((await runCli(['limits', 'lift', '+7917321'], beside())).stdout).toBe(
      '+7917321 is no longer held back. 4 texts to +7917321 count no longer.\n',
    );
    expect((await ask()).status).toBe(201);
    expect((await runCli(['limits', 'show'], beside())).stdout).toMatch(/^Nothing is held back/);
  });

  it('lift of a country counts it anew', async () => {
    const env = { LIMIT_COUNTRY: '2/3600' };
    const [api] = await limited.only({ all: env });
    const create = (n: number) => api.create({ phone: `+770112${String(n)}0000` });
    for (const n of [1, 2]) expect((await create(n)).status).toBe(201);
    expect((await create(3)).body).toMatchObject({ limit: 'country' });
    expect(await runCli(['limits', 'lift', 'KZ'], beside(env))).toMatchObject({ code: 0 });
    expect((await create(3)).status).toBe(201);
  });

  it.each([
    [['lift', '+79990000000'], 1, 'Nothing was counted against +7999•••••00'],
    [['lift', 'nonsense'], 2, "'nonsense' is no number, address, prefix or country"],
    [['lift', 'country', 'Russia'], 2, "'Russia' is no number"],
    [['lift'], 2, 'Something is missing'],
    [['lift', 'phone', '+79161234567', 'more'], 2, "'more' is too much"],
    [['raise'], 2, "There is no 'limits raise'"],
    [[], 2, 'The command lacks a word'],
  ])('%j ends with %i', async (args, code, message) => {
    const ended = await runCli(['limits', ...args], beside());
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).toContain(message);
  });

  it('ends with 3 where there is no database', async () => {
    const env = { ...beside(), DATABASE_URL: 'postgresql://somebody:hunter2@127.0.0.1:1/x' };
    const ended = await runCli(['limits', 'show'], env);
    expect(ended.code).toBe(3);
    expect(ended.stderr).not.toContain('hunter2');
  });
});
