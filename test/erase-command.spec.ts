import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { readDatabaseSettings } from '../src/config.js';
import { OperatorDatabase } from '../src/database/index.js';
import { CLIENTS, OF_PERSON } from '../src/retention/erasure.sql.js';
import { erase } from '../src/retention/index.js';
import type { Answer } from './support/api.js';
import { blocked } from './support/blocked.js';
import { useDatabase } from './support/database.js';
import { insertMany } from './support/many-agreements.js';
import { cliData, runCli } from './support/program.js';
import { historyOf, raisedBy, watchEvents } from './support/raised-events.js';
import { startService, type TestService } from './support/service.js';
import { until } from './support/until.js';

const SUBJECT = { ip: '203.0.113.7', user_agent: 'Mozilla/5.0 (somebody)' };
const METADATA = { order: '1042' };

describe('the command erase', () => {
  const database = useDatabase();
  const env = { DATABASE_URL: database.url };
  let service: TestService;
  beforeAll(async () => {
    await watchEvents(database);
    service = await startService(database);
  });

  const person = () => `person-${randomUUID()}`;
  const view = async (reference: string) => (await service.api.get(`/v1/agreement/${reference}`)).body;
  const row = async (reference: string) =>
    (await database.query('SELECT * FROM agreement WHERE reference = $1', [reference]))[0];

  /** An agreement whose code is out, as this person's. */
  const asked = (idHash: string) =>
    service.api.createAndAwaitCode({ id_hash: idHash, subject: SUBJECT, metadata: METADATA });
  async function confirmed(idHash: string) {
    const agreement = await asked(idHash);
    expect((await service.api.confirm(agreement.reference, agreement.code)).status).toBe(200);
    return agreement;
  }
  /** Everything that a dump of the database would show. */
  async function dump(): Promise<string> {
    const tables = await database.query<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`,
    );
    const rows = await Promise.all(tables.map(({ name }) => database.query(`SELECT row_to_json(t) FROM ${name} t`)));
    return JSON.stringify(rows);
  }

  /** What there is of a person's agreements. */
  const kept = (idHash: string) =>
    database.query(
      `SELECT to_jsonb(a) || jsonb_build_object(
         'history', (SELECT count(*) FROM history h WHERE h.reference = a.reference),
         'sends', (SELECT count(*) FROM send s WHERE s.reference = a.reference)) AS row
       FROM agreement a WHERE id_hash = $1 ORDER BY reference`,
      [idHash],
    );

  it('takes out what is kept of a person, confirmed or pending, and says what remains', async () => {
    const idHash = person();
    const [one, other] = [await confirmed(idHash), await asked(idHash)];
    const stranger = await asked(person());
    const before = await row(one.reference);

    const erased = await cliData(['erase', idHash], env);

    expect(erased).toMatchObject({ id_hash: idHash, dry_run: false });
    const all = { phone: true, ip: true, user_agent: true, sends: 1, tries: 1, sandbox_messages: 1 };
    expect(erased['agreements']).toMatchObject([
      { reference: one.reference, client: 'local', status: 'confirmed', cancelled: false, erased: all },
      { reference: other.reference, client: 'local', status: 'cancelled', cancelled: true, erased: all },
    ]);
    expect(erased['agreements'][0].remains).toMatchObject({
      document: expect.stringMatching(/^sandbox 1$/),
      contact_key_id: 'test',
      history: 4,
      metadata: ['order'],
    });
    expect(erased['remains'].map(({ what }: { what: string }) => what).join()).toMatch(/hash.*history.*Kafka.*backups/);

    const gone = { contact: null, subject_ip: null, subject_user_agent: null };
    expect(await row(one.reference)).toEqual({ ...before, ...gone });
    expect(await row(other.reference)).toMatchObject({ ...gone, status: 'cancelled', close_reason: 'erased' });
    for (const { reference } of [one, other]) {
      const seen = { phone: null, id_hash: idHash, metadata: METADATA, delivery: 'sent', delivery_reason: null };
      expect(await view(reference)).toMatchObject(seen);
      const { items } = (await service.api.get(`/v1/agreement?id_hash=${idHash}`)).body;
      expect(items).toContainEqual(await view(reference));
    }
    const left = await dump();
    for (const { phone } of [one, other]) expect(left).not.toContain(phone.slice(2));
    expect(left).toContain(stranger.phone.slice(2));
  });

  it('cancels what is pending like any cancel, with its history and its event', async () => {
    const idHash = person();
    const { reference, code } = await asked(idHash);
    await cliData(['erase', idHash], env);
    expect((await historyOf(database, reference)).at(-1)).toBe('cancelled');
    const event = (await raisedBy(database, reference)).at(-1);
    expect(event).toMatchObject({ type: 'AgreementCancelled', payload: { id_hash: idHash, reason: 'erased' } });
    expect(await service.api.confirm(reference, code)).toMatchObject({
      status: 409,
      body: { code: 'agreement_closed', agreement_status: 'cancelled' },
    });
    await until('the relay has published it', async () => {
      return (await database.query('SELECT FROM outbox WHERE aggregateid = $1', [reference])).length === 0;
    });
  });

  it('may be repeated, and then finds nothing left', async () => {
    const idHash = person();
    await asked(idHash);
    await cliData(['erase', idHash], env);
    const before = await kept(idHash);
    const { agreements } = await cliData(['erase', idHash], env);
    expect(agreements).toMatchObject([
      { status: 'cancelled', cancelled: false, erased: { phone: false, ip: false, sends: 0, tries: 0 } },
    ]);
    expect(await kept(idHash)).toEqual(before);
    const { code, stdout } = await runCli(['erase', idHash], env);
    expect(code).toBe(0);
    expect(stdout).toMatch(/erased: nothing, there was nothing left\n.*\n1 agreement of this person\./);
  });

  it('changes nothing where it is a dry run', async () => {
    const idHash = person();
    const { phone } = await asked(idHash);
    const before = await kept(idHash);
    const { agreements, dry_run } = await cliData(['erase', idHash, '--dry-run'], env);
    expect(dry_run).toBe(true);
    expect(agreements).toMatchObject([{ status: 'pending', cancelled: false, erased: { phone: true, sends: 1 } }]);
    expect(await kept(idHash)).toEqual(before);
    const { stdout } = await runCli(['erase', idHash, '--dry-run'], env);
    expect(stdout).toContain('would be erased: phone, IP address, browser, 1 send, 1 try, 1 sandbox text');
    expect(stdout).toContain('nothing was changed');
    expect(stdout).not.toContain(phone.slice(2));
  });

  it('goes through all clients, or keeps to one', async () => {
    const idHash = person();
    for (const client of ['a-shop', 'b-shop', 'c-shop']) {
      await insertMany(database, { count: 1, status: 'confirmed', idHash, client });
    }
    const clients = async (...more: string[]) =>
      (await cliData(['erase', idHash, '--dry-run', ...more], env))['agreements'].map(
        (one: Answer['body']) => one['client'],
      );
    expect((await clients()).sort()).toEqual(['a-shop', 'b-shop', 'c-shop']);
    expect(await clients('--client', 'b-shop')).toEqual(['b-shop']);
    await cliData(['erase', idHash, '--client', 'b-shop'], env);
    const kept = await database.query('SELECT client FROM agreement WHERE id_hash = $1 AND contact IS NOT NULL', [
      idHash,
    ]);
    expect(kept.map(({ client }) => client).sort()).toEqual(['a-shop', 'c-shop']);
  });

  it('takes the answers along that were kept for repeated requests', async () => {
    const idHash = person();
    const key = { 'Idempotency-Key': randomUUID() };
    const { body } = await service.api.post('/v1/agreement', { id_hash: idHash, phone: '+79161234567' }, key);
    const answers = () =>
      database.query(`SELECT FROM idempotency_key WHERE answer LIKE '%' || $1 || '%'`, [body['reference']]);
    expect(await answers()).toHaveLength(1);
    expect((await cliData(['erase', idHash], env))['agreements']).toMatchObject([{ erased: { answers: 1 } }]);
    expect(await answers()).toHaveLength(0);
  });

  it('is not too late for a guess that is under way: what that confirms stays confirmed', async () => {
    const idHash = person();
    const { reference, code } = await asked(idHash);
    const other = new pg.Client(database.url);
    await other.connect();
    await other.query('BEGIN');
    await other.query('SELECT FROM agreement WHERE reference = $1 FOR UPDATE', [reference]);
    const guess = service.api.confirm(reference, code);
    await until('the guess waits', async () => (await blocked(database)) === 1);
    // Not as a command: until its process is there the guess would have been told to come again.
    const operator = await OperatorDatabase.connect(readDatabaseSettings(env));
    const erasing = erase(operator, { idHash, client: undefined, dryRun: false });
    await until('the erasure waits behind it', async () => (await blocked(database)) === 2);
    await other.query('COMMIT');
    await other.end();
    expect((await guess).status).toBe(200);
    expect(await erasing).toMatchObject([{ status: 'confirmed', cancelled: false }]);
    await operator.close();
    expect(await view(reference)).toMatchObject({ status: 'confirmed', phone: null });
  });

  it('finds a person by the index, among however many agreements of others', async () => {
    for (const client of ['a-shop', 'b-shop', 'c-shop']) {
      await insertMany(database, { count: 5_000, status: 'confirmed', client, idHash: 'others' });
    }
    await database.query('ANALYZE agreement');
    for (const [{ text }, values] of [
      [CLIENTS, []],
      [OF_PERSON, [['a-shop', 'b-shop', 'c-shop', 'local'], 'nobody']],
    ] as const) {
      const plan = JSON.stringify(await database.query(`EXPLAIN ${text}`, [...values]));
      expect(plan).toMatch(/Index (Only )?Scan using agreement_(client|id_hash)/);
      expect(plan).not.toContain('Seq Scan on agreement');
    }
  });

  it('says that there is nobody', async () => {
    const nobody = person();
    expect(await runCli(['erase', nobody], env)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'There is no agreement with this id_hash\n',
    });
    expect(await runCli(['erase', nobody, '--client', 'shop', '--json'], env)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'There is no agreement with this id_hash of shop\n',
    });
  });

  it.each([
    [['erase']],
    [['erase', '']],
    [['erase', 'a b']],
    [['erase', 'я']],
    [['erase', 'a'.repeat(257)]],
    [['erase', 'one', 'two']],
    [['erase', 'one', '--client', 'a b']],
    [['erase', 'one', '--client']],
    [['erase', 'one', '--dryrun']],
  ])('says in a line how %j is typed', async (args) => {
    expect(await runCli(args, env)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^[^\n]+ Usage: erase ID_HASH .*\n$/),
    });
  });

  it('explains itself, and says where there is no database', async () => {
    expect(await runCli(['erase', '--help'], {})).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('--dry-run'),
    });
    expect(
      await runCli(['erase', 'one'], { DATABASE_URL: 'postgresql://somebody:hunter2@127.0.0.1:1/x' }),
    ).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^PostgreSQL cannot be reached: [^\n]+\n$/),
    });
  });
});
