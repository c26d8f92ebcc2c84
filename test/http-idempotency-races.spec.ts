import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone, otherThan } from './support/api.js';
import { useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { freshKey, type PlainAnswer, postKeyed } from './support/keyed-request.js';
import { historyOf } from './support/raised-events.js';
import { rawRequest } from './support/raw-request.js';
import { startService } from './support/service.js';
import { until } from './support/until.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const as = (client: string) => ({ authorization: `Bearer ${client}-key` });
const IN_PROGRESS = 'request_in_progress';

describe('requests with one Idempotency-Key at the same time, at two processes on one database', () => {
  const database = useDatabase();
  let apis: DocumentedApi[];
  let urls: string[];
  beforeAll(async () => {
    const env = { API_KEYS: ['shop', 'bank'].map((client) => `${client}:${sha256(`${client}-key`)}`).join() };
    urls = [(await startService(database, env)).url, (await startService(database, env)).url];
    apis = urls.map((url) => new DocumentedApi(url, as('shop')));
    await Promise.all(apis.map((api) => Promise.all(Array.from({ length: 50 }, () => api.get('/health/live')))));
  });
  const api = (): DocumentedApi => apis[0]!;
  const path = (reference: string, action = ''): string => `/v1/agreement/${reference}${action}`;
  const post = (index: number, to: string, key: string, body?: unknown, client = 'shop'): Promise<PlainAnswer> =>
    postKeyed(`${urls[index % 2]}${to}`, key, body, as(client));

  /**
   * Sends the same 50 times, half to each process, and once more in the end; gives the answers but for those that were
   * told to come back.
   */
  async function fifty(to: string, key: string, body?: unknown): Promise<PlainAnswer[]> {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => post(index, to, key, body)));
    const later = answers.filter(({ status, code }) => status === 503 || code === IN_PROGRESS);
    expect(later.length).toBeLessThan(50);
    return [...answers.filter((answer) => !later.includes(answer)), await post(0, to, key, body)];
  }

  /** One answer for all, to the byte, and none but the first is a new one. */
  function expectOne(answers: readonly PlainAnswer[], status: number): PlainAnswer {
    expect([...new Set(answers.map((answer) => answer.status))]).toEqual([status]);
    expect([...new Set(answers.map(({ text }) => text))]).toHaveLength(1);
    expect(answers.filter(({ replayed }) => !replayed).length).toBeLessThanOrEqual(1);
    expect(answers.at(-1)?.replayed).toBe(true);
    return answers[0]!;
  }

  /** Waits until somebody waits for what the open transaction holds: a lock of a row is not one of a database. */
  const waitsForUs = () =>
    until('it waits for the row', async () => {
      const rows = await database.query(
        'SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))',
      );
      return rows.length > 0;
    });

  it('create one agreement and send one text', async () => {
    for (const round of [1, 2, 3]) {
      const phone = freshPhone();
      const idHash = `race-${round}`;
      const answers = await fifty('/v1/agreement', freshKey(), { id_hash: idHash, phone });
      const { reference } = JSON.parse(expectOne(answers, 201).text) as { reference: string };
      const rows = await database.query('SELECT reference FROM agreement WHERE id_hash = $1', [idHash]);
      expect(rows).toEqual([{ reference }]);
      await api().codeSentTo(phone);
      await api().until(reference, { delivery: 'sent' });
      expect(await api().messages(phone)).toHaveLength(1);
    }
  });

  it('beside others without a key: each of those makes its own', async () => {
    const key = freshKey();
    const body = { id_hash: 'mixed', phone: freshPhone() };
    const [keyed, plain] = await Promise.all([
      Promise.all(Array.from({ length: 20 }, (_, index) => post(index, '/v1/agreement', key, body))),
      Promise.all(Array.from({ length: 20 }, (_, index) => apis[index % 2]!.create({ id_hash: 'mixed' }))),
    ]);
    expectOne([...keyed, await post(0, '/v1/agreement', key, body)], 201);
    expect(plain.map(({ status }) => status)).toEqual(Array(20).fill(201));
    const [count] = await database.query(`SELECT count(*)::int AS n FROM agreement WHERE id_hash = 'mixed'`);
    expect(count).toEqual({ n: 21 });
  });

  it('resend one code', async () => {
    const { reference, phone } = await api().createAndAwaitCode();
    await database.query(
      `UPDATE agreement SET requested_at = requested_at - interval '1 minute' WHERE reference = $1`,
      [reference],
    );
    expectOne(await fifty(path(reference, '/resend'), freshKey()), 202);
    await api().codeSentTo(phone, 2);
    await api().until(reference, { delivery: 'sent' });
    const kinds = await historyOf(database, reference);
    expect(kinds.filter((kind) => kind === 'code_requested')).toHaveLength(1);
  });

  it('spend one attempt on a wrong code', async () => {
    const { reference, code } = await api().createAndAwaitCode();
    const answers = await fifty(path(reference), freshKey(), { code: otherThan(code) });
    expect(expectOne(answers, 422).code).toBe('code_invalid');
    expect((await api().get(path(reference))).body['attempts_left']).toBe(2);
  });

  it('confirm once, and all are told 200', async () => {
    const { reference, code } = await api().createAndAwaitCode();
    expectOne(await fifty(path(reference), freshKey(), { code }), 200);
    const kinds = await historyOf(database, reference);
    expect(kinds.filter((kind) => kind === 'confirmed')).toHaveLength(1);
  });

  it('have exactly one effect where they name two agreements', async () => {
    for (const _ of [1, 2, 3, 4, 5]) {
      const made = await Promise.all([api().create(), api().create()]);
      const references = made.map(({ body }) => String(body['reference']));
      const key = freshKey();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => post(index >> 1, path(references[index % 2]!, '/cancel'), key)),
      );
      const kinds = await Promise.all(references.map((reference) => historyOf(database, reference)));
      expect(kinds.flat().filter((kind) => kind === 'cancelled')).toHaveLength(1);
      const settled = answers.filter(({ code }) => code !== IN_PROGRESS);
      expect([...new Set(settled.map(({ status, code }) => `${status} ${code ?? 'cancelled'}`))].sort()).toEqual([
        '200 cancelled',
        '422 idempotency_key_reused',
      ]);
      const [kept] = await database.query<{ answer: string }>('SELECT answer FROM idempotency_key WHERE key = $1', [
        key,
      ]);
      const cancelled = references.find((_, index) => kinds[index]!.includes('cancelled'));
      expect(JSON.parse(kept!.answer)).toMatchObject({ reference: cancelled, status: 'cancelled' });
    }
  });

  it('of two batches with the same keys in another order do not wait for each other for ever', async () => {
    const suffix = freshKey();
    const sorted = { a: `a-${suffix}`, b: `b-${suffix}`, x: `x-${suffix}`, y: `y-${suffix}` };
    const phone = freshPhone();
    // All in one packet, so that they are read in one turn and saved in one batch.
    const batch = (index: number, names: readonly (keyof typeof sorted)[]) => {
      const requests = names.map((name, n) => {
        const body = JSON.stringify({ id_hash: name, phone });
        const fields = ['Host: localhost', 'Content-Type: application/json', `Content-Length: ${body.length}`];
        const more = [...fields, `Authorization: Bearer shop-key`, `Idempotency-Key: ${sorted[name]}`];
        const last = n === names.length - 1 ? ['Connection: close'] : [];
        return `${['POST /v1/agreement HTTP/1.1', ...more, ...last].join('\r\n')}\r\n\r\n${body}`;
      });
      return rawRequest(urls[index]!, requests.join(''));
    };
    // Each process then knows the time, and asks the database for nothing else before it saves.
    await Promise.all(apis.map((one) => one.create()));
    await database.query('BEGIN');
    await database.query(
      `INSERT INTO idempotency_key (client, key, fingerprint, fingerprint_key_id, status, answer)
       SELECT 'shop', key, '', '', 200, '' FROM unnest($1::text[]) AS key`,
      [[sorted.x, sorted.y]],
    );
    const both = [batch(0, ['a', 'x', 'b']), batch(1, ['b', 'y', 'a'])];
    await until('both wait', async () => {
      const waiting = await database.query(
        `SELECT 1 FROM pg_locks WHERE NOT granted AND pid IN (
           SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database())`,
      );
      return waiting.length >= 2;
    });
    await database.query('ROLLBACK');
    for (const { text } of await Promise.all(both))
      expect(text.match(/HTTP\/1.1 \d+/g)).toEqual(Array(3).fill('HTTP/1.1 201'));
    const rows = await database.query('SELECT 1 FROM agreement WHERE id_hash = ANY ($1)', [Object.keys(sorted)]);
    expect(rows).toHaveLength(4);
  });

  it('take and keep nothing where another change of the agreement was first', async () => {
    const { reference, code } = await api().createAndAwaitCode();
    const key = freshKey();
    await database.query('BEGIN');
    await database.query(
      `UPDATE agreement SET version = version + 1, status = 'cancelled', closed_at = now(),
      code_generation = NULL, code_key_id = NULL, code_nonce = NULL, code_hash = NULL WHERE reference = $1`,
      [reference],
    );
    const confirming = post(0, path(reference), key, { code });
    await waitsForUs();
    await database.query('COMMIT');
    expect(await confirming).toMatchObject({ status: 409, code: 'agreement_closed' });
    expect(await database.query('SELECT 1 FROM idempotency_key WHERE key = $1', [key])).toEqual([]);
  });

  it('are saved where the row meanwhile changed in what is not the agreement’s version', async () => {
    const { reference, code } = await api().createAndAwaitCode();
    const key = freshKey();
    await database.query('BEGIN');
    await database.query(`UPDATE agreement SET sequence = sequence + 1 WHERE reference = $1`, [reference]);
    const confirming = post(0, path(reference), key, { code });
    await waitsForUs();
    await database.query('COMMIT');
    const answer = await confirming;
    expect(answer).toMatchObject({ status: 200, replayed: false });
    expect(await post(1, path(reference), key, { code })).toEqual({ ...answer, replayed: true });
    expect((await api().get(path(reference))).body['status']).toBe('confirmed');
  });

  it('are told to come back where the first one takes long, and have its answer then', async () => {
    const key = freshKey();
    const body = { id_hash: 'slow', phone: freshPhone() };
    await database.query('BEGIN');
    await database.query('LOCK TABLE history');
    const first = post(0, '/v1/agreement', key, body);
    await waitsForUs();
    const second = await api().post('/v1/agreement', body, { 'idempotency-key': key });
    await database.query('COMMIT');
    expect(second).toMatchObject({ status: 409, body: { code: IN_PROGRESS, retry_after: 1 } });
    await first;
    // Whether or not the first was still answered in time.
    const made = await until('its answer', async () => {
      const answer = await post(0, '/v1/agreement', key, body);
      return answer.status === 201 ? answer : undefined;
    });
    expect(made.replayed).toBe(true);
    expect(await database.query(`SELECT reference FROM agreement WHERE id_hash = 'slow'`)).toEqual([
      { reference: JSON.parse(made.text).reference },
    ]);
  });

  it('are independent of those of another client', async () => {
    const key = freshKey();
    const body = { id_hash: 'two', phone: freshPhone() };
    const [shop, bank] = await Promise.all([
      post(0, '/v1/agreement', key, body),
      post(1, '/v1/agreement', key, body, 'bank'),
    ]);
    expect([shop, bank]).toMatchObject([
      { status: 201, replayed: false },
      { status: 201, replayed: false },
    ]);
    expect(shop.text).not.toBe(bank.text);
  });
});
