import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type Api, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { useProcesses } from './support/process.js';
import { startService, testEnvironment, type TestService } from './support/service.js';
import { until } from './support/until.js';

const LATE = 4_711;

describe('the outbox', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let running: TestService[] = [];

  /** Services with these settings, and none of an earlier test beside them. */
  async function only(...environments: Record<string, string>[]): Promise<Api[]> {
    await Promise.all(running.map((service) => service.stop()));
    running = await Promise.all(environments.map((env) => startService(database, env)));
    return running.map(({ api }) => api);
  }

  /** From the request to the text, in milliseconds. */
  async function delivered(api: Api | undefined, idHash = 'somebody'): Promise<number> {
    const asked = performance.now();
    const phone = freshPhone();
    expect((await api?.create({ phone, id_hash: idHash }))?.status).toBe(201);
    await api?.codeSentTo(phone);
    return performance.now() - asked;
  }

  const count = async (query: string) => (await database.query<{ n: number }>(query))[0]?.n ?? 0;
  const unsent = () => count('SELECT count(*)::int AS n FROM outbox WHERE parked_at IS NULL');

  it('is empty when everything is handed over', async () => {
    const [api] = await only({});
    await delivered(api);
    await until('the outbox is empty', async () => (await unsent()) === 0);
  });

  it('wakes the relay of its own process at once, and that of another one soon', async () => {
    const [whole] = await only({});
    const times: number[] = [];
    for (let n = 0; n < 11; n += 1) times.push(await delivered(whole));
    expect(median(times)).toBeLessThan(200);

    const [api] = await only({ ROLES: 'api' }, { ROLES: 'relay,worker' });
    times.length = 0;
    for (let n = 0; n < 11; n += 1) times.push(await delivered(api));
    expect(median(times)).toBeLessThan(400);
  });

  it('does not skip an event that is committed after later ones were published', async () => {
    // The statement of one agreement has its place in the outbox and waits for us before it commits.
    await database.query(`
      CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(${LATE}); RETURN NULL; END $$;
      CREATE TRIGGER wait_for_test AFTER INSERT ON outbox FOR EACH ROW
        WHEN (NEW.payload ->> 'id_hash' = 'late') EXECUTE FUNCTION wait_for_test();
      SELECT pg_advisory_lock(${LATE})`);
    const [api] = await only({});
    const late = delivered(api, 'late');
    await until('it waits', () =>
      count(`SELECT count(*)::int AS n FROM pg_locks WHERE objid = ${LATE} AND NOT granted`),
    );
    for (let n = 0; n < 3; n += 1) await delivered(api);
    await until('the later ones are published', async () => (await unsent()) === 0);

    await database.query(`SELECT pg_advisory_unlock(${LATE})`);
    await late;
    await until('the late one is published', async () => (await unsent()) === 0);
    await database.query('DROP TRIGGER wait_for_test ON outbox');
  });

  it('drains a backlog of more than one batch', async () => {
    const [api] = await only({ ROLES: 'api' });
    for (let n = 0; n < 12; n += 1) {
      const created = await Promise.all(Array.from({ length: 50 }, async () => api?.create()));
      expect(created.every((answer) => answer?.status === 201)).toBe(true);
    }
    expect(await unsent()).toBe(600);
    await only({});
    // Each of them is sent as well, and says so by an event.
    await until('the outbox is empty', async () => (await unsent()) === 0, 40_000);
    const unsentCodes = `SELECT count(*)::int AS n FROM agreement a LEFT JOIN send s USING (reference) WHERE s.id IS NULL`;
    expect(await count(unsentCodes)).toBe(0);
  });

  it('parks an event that cannot be handled, with the reason, and the others go on', async () => {
    const [api] = await only({});
    const reference = randomUUID();
    await database.query(
      `INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at)
       VALUES ($1, 'agreement', $2, 'clients.agreement.AgreementCreated.v1', $3, 'local', false, 1, now())`,
      [randomUUID(), reference, { reference, generation: 'one' }],
    );
    for (let n = 0; n < 3; n += 1) await delivered(api);
    const parked = await until('it is parked', async () => {
      const [row] = await database.query('SELECT * FROM outbox WHERE parked_at IS NOT NULL');
      return row;
    });
    expect(parked).toMatchObject({ aggregateid: reference, error: 'generation is not a count' });
    await until('the others are handed over', async () => (await unsent()) === 0);
  });

  it.each([
    ['is stopped', (leader: { stop(): unknown }) => void leader.stop()],
    ['is killed', (leader: { signal(signal: 'SIGKILL'): void }) => leader.signal('SIGKILL')],
    ['hangs', (leader: { signal(signal: 'SIGSTOP'): void }) => leader.signal('SIGSTOP')],
  ])('is taken over by another relay within 5 s when the leader %s', async (_, end) => {
    await only();
    const leader = await (await processes.start(testEnvironment(database))).ready();
    await delivered(leader.api);
    const [api] = await only({});
    end(leader);
    expect(await delivered(api)).toBeLessThan(5_000);
    await until('the outbox is empty', async () => (await unsent()) === 0);

    leader.signal('SIGCONT');
    for (let n = 0; n < 3; n += 1) await delivered(api);
    const twice = `SELECT count(*)::int AS n FROM (SELECT reference FROM sandbox_message GROUP BY 1 HAVING count(*) > 1) t`;
    expect(await count(twice)).toBe(0);
    await leader.kill();
  });
});

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Infinity;
}
