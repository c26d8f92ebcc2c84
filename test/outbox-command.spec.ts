import { randomUUID } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { useProcesses } from './support/process.js';
import { cliData, runCli } from './support/program.js';
import { startService, type TestService } from './support/service.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { until } from './support/until.js';

const TYPE = 'clients.agreement.AgreementCreated.v1';
const LINE = /^[^\n]+\n$/;

describe('the command outbox', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  const env = { DATABASE_URL: database.url };

  beforeEach(() => database.query('DELETE FROM outbox'));

  /** An event in the outbox; parked where there is a reason for it. */
  async function anEvent(error?: string, payload: Record<string, unknown> = {}) {
    const [row] = await database.query<{ id: string; seq: string; reference: string }>(
      `INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at, parked_at, error)
       VALUES ($1, 'agreement', $2, $3, $4, 'local', false, 3, now() - interval '90 seconds',
               CASE WHEN $5::text IS NOT NULL THEN now() END, $5)
       RETURNING id, seq, aggregateid AS reference`,
      [randomUUID(), payload['reference'] ?? randomUUID(), TYPE, payload, error],
    );
    return row!;
  }

  const rows = async () => (await database.query('SELECT id FROM outbox ORDER BY seq')).map(({ id }) => id);
  const parkedRows = () => database.query('SELECT id, error FROM outbox WHERE parked_at IS NOT NULL ORDER BY seq');

  it('says in its status what waits and since when, and that nobody works on it', async () => {
    await Promise.all([anEvent(), anEvent(), anEvent('too large')]);
    await database.query(
      `INSERT INTO send (reference, generation, id, try, next_attempt_at, reason)
       VALUES (gen_random_uuid(), 1, gen_random_uuid(), 1, now() + interval '1 hour', NULL),
              (gen_random_uuid(), 1, gen_random_uuid(), 2, now() - interval '5 minutes', 'http_500')`,
    );
    const status = await cliData(['outbox', 'status'], env);
    expect(status).toEqual({
      waiting: 2,
      oldest_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      oldest_age: expect.any(Number),
      parked: 1,
      relay_leads: false,
      sends: { waiting: 2, retrying: 1, due_at: expect.stringMatching(/Z$/), overdue: expect.any(Number) },
    });
    expect(status['oldest_age']).toBeGreaterThanOrEqual(90);
    expect(Date.parse(status['oldest_at'])).toBeLessThanOrEqual(Date.now() - 90_000);
    expect(status['sends'].overdue).toBeGreaterThanOrEqual(300);

    const { code, stdout } = await runCli(['outbox', 'status'], env);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /2 waiting, the oldest since .*; 1 parked\n.*NONE LEADS.*\n.*2 waiting, 1 of them tried before/,
    );
    await database.query('DELETE FROM send');
  });

  it('lists what was parked, with the reason, the oldest first and no more than asked for', async () => {
    expect(await runCli(['outbox', 'parked'], env)).toMatchObject({ code: 0, stdout: 'Nothing is parked.\n' });
    const first = await anEvent('too\u001b[31m large');
    await anEvent('refused');
    await anEvent();

    const { parked, events } = await cliData(['outbox', 'parked'], env);
    expect(parked).toBe(2);
    expect(events.map(({ error }: { error: string }) => error)).toEqual(['too\u001b[31m large', 'refused']);
    expect(events[0]).toMatchObject({ ...first, type: TYPE, sequence: 3, parked_at: expect.stringMatching(/Z$/) });

    const { stdout } = await runCli(['outbox', 'parked', '--limit', '1'], env);
    expect(stdout).toContain(`${first.id}  seq ${first.seq}  ${TYPE} of ${first.reference}`);
    expect(stdout).toMatch(/: too\\u001b\[31m large\n… and 1 more/);
  });

  it('lets the relay publish a parked event again, which then is handled if the world has been repaired', async () => {
    const service = await startService(database);
    expect(await cliData(['outbox', 'status'], env)).toMatchObject({ relay_leads: true });
    const { phone, reference } = await aCodeBy(service);
    const { id } = await anEvent('generation 2 of it is not known', { reference, generation: 2 });

    expect(await runCli(['outbox', 'retry', id], env)).toMatchObject({ code: 0, stdout: expect.stringContaining(id) });
    const again = await until('it is parked again', async () => (await parkedRows())[0]);
    expect(again).toEqual({ id, error: expect.stringMatching(/generation 2/) });

    await database.query('UPDATE agreement SET generation = 2, requested_at = now() WHERE reference = $1', [reference]);
    const { retried } = await cliData(['outbox', 'retry', '--all'], env);
    expect(retried).toMatchObject([{ id, error: expect.stringMatching(/generation 2/), reference }]);
    await service.api.codeSentTo(phone, 2);
    await until('the outbox is empty', async () => (await rows()).length === 0);
    await service.stop();
  });

  it('wakes the relay when there is something for it', async () => {
    const listener = new pg.Client(database.url);
    let woken = 0;
    listener.on('notification', () => (woken += 1));
    await listener.connect();
    await listener.query('LISTEN agreement_outbox');
    await Promise.all([anEvent('too large'), anEvent('refused')]);
    expect((await cliData(['outbox', 'retry', '--all'], env))['retried']).toHaveLength(2);
    expect(await cliData(['outbox', 'retry', '--all'], env)).toEqual({ retried: [] });
    await listener.query('SELECT 1');
    await listener.end();
    expect(woken).toBe(1);
  });

  it('drops one parked event, says what it was, and leaves the others', async () => {
    const [doomed, other, waiting] = [await anEvent('too large'), await anEvent('refused'), await anEvent()];
    const { code, stdout } = await runCli(['outbox', 'drop', doomed.seq], env);
    expect(code).toBe(0);
    expect(stdout).toMatch(/too large\nDropped\. Receivers will find no ce_sequence 3 of/);
    expect(await rows()).toEqual([other.id, waiting.id]);
    expect(await cliData(['outbox', 'drop', other.id], env)).toMatchObject({ dropped: { id: other.id, sequence: 3 } });
    expect(await rows()).toEqual([waiting.id]);
  });

  it.each(['drop', 'retry'])('will not %s an event that waits, or one that is not there', async (change) => {
    const { id } = await anEvent();
    const refused = await runCli(['outbox', change, id], env);
    expect(refused).toMatchObject({ code: 1, stdout: '', stderr: `${id} is not parked: it waits to be published\n` });
    expect(await rows()).toEqual([id]);
    const unknown = randomUUID();
    expect(await runCli(['outbox', change, unknown, '--json'], env)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `There is no event ${unknown} in the outbox\n`,
    });
  });

  it.each([
    [['outbox']],
    [['outbox', 'list']],
    [['outbox', 'status', 'now']],
    [['outbox', 'parked', '--limit', 'x']],
    [['outbox', 'parked', '--limti', '1']],
    [['outbox', 'retry']],
    [['outbox', 'retry', '1', '--all']],
    [['outbox', 'drop', 'this']],
    [['outbox', 'drop', '--all']],
  ])('says in a line how %j is typed', async (args) => {
    expect(await runCli(args, env)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^[^\n]+ Usage: outbox status \| .*\n$/),
    });
  });

  it('explains itself', async () => {
    expect(await runCli(['outbox', '--help'], {})).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('drop ID'),
    });
    expect(await runCli(['--help'], {})).toMatchObject({ code: 0, stdout: expect.stringContaining('outbox') });
  });

  describe('without a database', () => {
    const proxies: TcpProxy[] = [];
    afterAll(() => Promise.all(proxies.map((proxy) => proxy.cut())));

    const secret = (url: string) => url.replace(/\/\/[^@]*@/, '//somebody:hunter2@');
    async function frozen(): Promise<string> {
      const { proxy, url } = await TcpProxy.before(database.url);
      proxies.push(proxy);
      await proxy.open();
      proxy.freeze();
      return secret(url);
    }

    it.each([
      ['nobody listens', async () => 'postgresql://somebody:hunter2@127.0.0.1:1/agreement'],
      ['nobody answers', frozen],
      ['the password is wrong', async () => secret(database.url)],
    ])('says so within 5 s where %s, without a stack or a password', async (_, url) => {
      const asked = performance.now();
      const { code, stdout, stderr } = await runCli(['outbox', 'status'], { DATABASE_URL: await url() });
      expect(performance.now() - asked).toBeLessThan(6_000);
      expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
      expect(stderr).toMatch(LINE);
      expect(stderr).toMatch(/^PostgreSQL cannot be reached: /);
      expect(stderr).not.toMatch(/hunter2| at /);
    });

    it('takes the embedded one of the service that runs, and else says what to do', async () => {
      const folder = await processes.folder();
      const service = await (await processes.start({ DATA_DIR: folder })).ready();
      expect(await cliData(['outbox', 'status'], { DATA_DIR: folder })).toMatchObject({
        waiting: 0,
        relay_leads: true,
      });
      await service.stop();
      expect(await runCli(['outbox', 'status'], { DATA_DIR: folder })).toMatchObject({
        code: 3,
        stderr: `DATABASE_URL is not set, and no service runs on ${folder}: start it (npm start), or set DATABASE_URL or DATA_DIR\n`,
      });
    });
  });
});

async function aCodeBy({ api }: TestService) {
  const phone = freshPhone();
  return api.createAndAwaitCode({ phone });
}
