import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { startService, type TestService } from './support/service.js';
import { answers } from './support/sms-server.js';
import { freshGerman, TwoProviders } from './support/two-providers.js';
import { until } from './support/until.js';

const CONCURRENCY = 8;
const WAITING = 200;

describe('a provider that hangs', () => {
  const database = useDatabase();
  let providers: TwoProviders;
  let service: TestService;
  beforeAll(async () => {
    providers = await TwoProviders.start();
    await database.query('CREATE SEQUENCE changed');
    await database.query(`
      CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql
      AS $$ BEGIN PERFORM nextval('changed'); RETURN NULL; END $$`);
    await database.query('CREATE TRIGGER changes AFTER UPDATE ON send FOR EACH ROW EXECUTE FUNCTION note_change()');
  });
  afterEach(() => service.stop());
  afterAll(() => providers.stop());

  const start = async (env: Record<string, string>): Promise<void> => {
    const { environment } = providers;
    service = await startService(database, { ...environment, SMS_CONCURRENCY: String(CONCURRENCY), ...env });
  };

  /** How many rows have changed, and how many transactions ended, as far as the database has told. */
  const work = async (): Promise<{ changes: number; transactions: number }> => {
    await database.query('SELECT pg_stat_clear_snapshot()');
    const [row] = await database.query<{ changes: string; transactions: string }>(`
      SELECT (SELECT last_value FROM changed) AS changes, xact_commit AS transactions
      FROM pg_stat_database WHERE datname = current_database()`);
    return { changes: Number(row?.changes), transactions: Number(row?.transactions) };
  };

  it.each([
    ['has nobody beside it', 'RU:http', freshPhone, CONCURRENCY],
    ['has somebody beside it who cannot help them', 'RU:http,twilio;DE:http', freshGerman, WAITING],
  ])('and %s does not make the sender run in circles for those that wait', async (_, routes, phoneOf, changing) => {
    await start({ SMS_TIMEOUT: '2', SMS_ROUTES: routes });
    const phones = Array.from({ length: WAITING }, () => phoneOf());
    for (const phone of phones) providers.http.willAnswer(phone, ...Array(9).fill(answers.hang));
    await Promise.all(phones.map((phone) => service.api.create({ phone })));
    await until('it is known to be in trouble', () => service.log.some((line) => line.includes('provider in trouble')));
    const before = await work();
    const from = performance.now();
    await until('two seconds have gone by', () => performance.now() - from > 2_000);
    const after = await work();
    const seconds = (performance.now() - from) / 1_000;
    // A call changes its row twice; a row that waits changes once a second.
    expect(after.changes - before.changes).toBeLessThan(seconds * (changing + 4 * CONCURRENCY));
    expect(after.transactions - before.transactions).toBeLessThan(seconds * 150);
    await database.query(`UPDATE send SET state = 'failed' WHERE state = 'queued'`);
  });

  it('keeps a text that was taken under an impossible id, and asks nobody again', async () => {
    await start({ SMS_TIMEOUT: '2' });
    const phones = [freshPhone(), freshPhone()];
    for (const phone of phones) providers.http.willAnswer(phone, answers.accepted({ message_id: 'a\0b' }));
    const asked = await Promise.all(phones.map((phone) => service.api.create({ phone })));
    await Promise.all(asked.map(({ body }) => service.api.until(body['reference'], { delivery: 'sent' })));
    const references = asked.map(({ body }) => body['reference']);
    const ids = await database.query('SELECT provider_message_id AS id FROM send WHERE reference = ANY ($1)', [
      references,
    ]);
    expect(ids).toEqual([{ id: null }, { id: null }]);
    expect(phones.map((phone) => providers.http.to(phone).length)).toEqual([1, 1]);
  });

  it('and is not to be reached by the first text of the day is not waited for', async () => {
    await start({ SMS_HTTP_URL: 'http://127.0.0.1:9/send' });
    const phone = freshPhone();
    providers.treats('twilio', phone);
    const asked = performance.now();
    const { body } = await service.api.create({ phone });
    await service.api.until(body['reference'], { delivery: 'sent' });
    expect(performance.now() - asked).toBeLessThan(5_000);
    expect(providers.told(phone)).toEqual(['twilio accepted']);
  });
});
