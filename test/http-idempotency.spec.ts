import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone, otherThan } from './support/api.js';
import { useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { freshKey, type PlainAnswer, postKeyed } from './support/keyed-request.js';
import { historyOf } from './support/raised-events.js';
import { startService, type TestService } from './support/service.js';
import { until } from './support/until.js';

const REUSED = { status: 422, code: 'idempotency_key_reused', replayed: false };

describe('a request with an Idempotency-Key', () => {
  const database = useDatabase();
  let service: TestService;
  let api: DocumentedApi;
  beforeAll(async () => {
    service = await startService(database, { CORS_ORIGINS: 'https://shop.example' });
    api = new DocumentedApi(service.url);
  });
  const path = (reference: string, action = ''): string => `/v1/agreement/${reference}${action}`;
  const post = (to: string, key: string, body?: unknown, headers?: Record<string, string>): Promise<PlainAnswer> =>
    postKeyed(service.url + to, key, body, headers);
  const newOne = (): object => ({ id_hash: 'somebody', phone: freshPhone() });
  const laterBy = (reference: string, interval: string) =>
    database.query(`UPDATE agreement SET requested_at = requested_at - $2::interval WHERE reference = $1`, [
      reference,
      interval,
    ]);

  /** Asks twice and expects the same answer; gives it. */
  async function twice(to: string, status: number, body?: unknown): Promise<PlainAnswer> {
    const key = freshKey();
    const first = await post(to, key, body);
    expect(first).toMatchObject({ status, replayed: false });
    expect(await post(to, key, body)).toEqual({ ...first, replayed: true });
    return first;
  }

  it('creates once and is answered the same, to the byte, with the same Location', async () => {
    const phone = freshPhone();
    const body = { id_hash: 'once', phone, metadata: { 10: 'a', 9: 'b', ё: '"\u2028' } };
    const first = await twice('/v1/agreement', 201, body);
    expect(first.location).toBe(path(JSON.parse(first.text).reference));
    const { body: listed } = await api.get('/v1/agreement?id_hash=once');
    expect(listed['items']).toHaveLength(1);
    await api.codeSentTo(phone);
    expect(await api.messages(phone)).toHaveLength(1);
  });

  it('confirms once: the right code is answered with 200 again, without the key it is used up', async () => {
    const { reference, code } = await api.createAndAwaitCode();
    await twice(path(reference), 200, { code });
    expect(await api.confirm(reference, code)).toMatchObject({ status: 409, body: { code: 'already_confirmed' } });
  });

  it('spends one attempt on a wrong code, and is told so again in the language of the moment', async () => {
    const { reference, code } = await api.createAndAwaitCode();
    const key = freshKey();
    const guess = { code: otherThan(code) };
    const first = await post(path(reference), key, guess);
    expect(first).toMatchObject({ status: 422, code: 'code_invalid', replayed: false });
    await api.confirm(reference, otherThan(code));
    expect(await post(path(reference), key, guess)).toEqual({ ...first, replayed: true });
    const inEnglish = await api.post(path(reference), guess, { 'idempotency-key': key, 'accept-language': 'en' });
    expect(inEnglish.body).toMatchObject({
      ...{ code: 'code_invalid', attempts_left: 2, agreement_status: 'pending' },
      detail: 'Wrong code, attempts left: 2',
    });
    expect(inEnglish.headers.get('idempotency-replayed')).toBe('true');
    expect((await api.get(path(reference))).body['attempts_left']).toBe(1);
  });

  it('resends, cancels and withdraws once', async () => {
    const agreement = await api.createAndAwaitCode();
    await laterBy(agreement.reference, '1 minute');
    await twice(path(agreement.reference, '/resend'), 202);
    await api.codeSentTo(agreement.phone, 2);
    await api.until(agreement.reference, { delivery: 'sent' });
    expect(await api.messages(agreement.phone)).toHaveLength(2);
    await twice(path(agreement.reference, '/cancel'), 200, { reason: 'wrong number' });

    const other = await api.createAndAwaitCode();
    await api.confirm(other.reference, other.code);
    await twice(path(other.reference, '/withdraw'), 200);
    const kinds = await historyOf(database, other.reference);
    expect(kinds.filter((kind) => kind === 'withdrawn')).toHaveLength(1);
  });

  it('is answered the same where it changed nothing', async () => {
    const { reference } = await api.createAndAwaitCode();
    await database.query(`UPDATE send SET state = 'queued', next_attempt_at = 'infinity' WHERE reference = $1`, [
      reference,
    ]);
    await laterBy(reference, '1 minute');
    const waiting = await twice(path(reference, '/resend'), 202);
    expect(JSON.parse(waiting.text)).toMatchObject({ delivery: 'queued', codes_left: 4 });
    await api.post(path(reference, '/cancel'));
    await twice(path(reference, '/cancel'), 200);
    // Kept as it was, though the agreement is cancelled by now.
    const [kept] = await database.query<{ answer: string }>(`SELECT answer FROM idempotency_key WHERE answer = $1`, [
      waiting.text,
    ]);
    expect(JSON.parse(kept?.answer ?? '{}')).toMatchObject({ status: 'pending' });
  });

  it('is the same whatever the order of fields, a slash at the end, capitals of the reference, {} or no body', async () => {
    const key = freshKey();
    const phone = freshPhone();
    const document = { id: 'd', version: '1', sha256: 'ab'.repeat(32) };
    const first = await post('/v1/agreement', key, { id_hash: 'h', phone, document, metadata: { a: '1', b: '2' } });
    const { reference } = JSON.parse(first.text) as { reference: string };
    const { id, version, sha256 } = document;
    const turned = { metadata: { b: '2', a: '1' }, document: { sha256, version, id }, phone, id_hash: 'h' };
    expect(await post('/v1/agreement/', key, turned)).toEqual({ ...first, replayed: true });

    const cancel = freshKey();
    const cancelled = await post(path(reference, '/cancel'), cancel);
    expect(cancelled).toMatchObject({ status: 200, replayed: false });
    const again = { ...cancelled, replayed: true };
    expect(await post(path(reference.toUpperCase(), '/cancel/'), cancel, {})).toEqual(again);
  });

  it('with another body, reference or route is refused, and changes nothing', async () => {
    const key = freshKey();
    const body = newOne();
    const { reference } = JSON.parse((await post('/v1/agreement', key, body)).text) as { reference: string };
    expect(await post('/v1/agreement', key, { ...body, id_hash: 'other' })).toMatchObject(REUSED);
    expect(await post(path(reference, '/cancel'), key)).toMatchObject(REUSED);
    expect(await post(path(reference), key, { code: '123456' })).toMatchObject(REUSED);

    const { body: other } = await api.create();
    const cancel = freshKey();
    await post(path(reference, '/cancel'), cancel, {});
    expect(await post(path(other['reference'], '/cancel'), cancel, {})).toMatchObject(REUSED);
    expect(await post(path(reference, '/cancel'), cancel, { reason: 'why' })).toMatchObject(REUSED);
    expect(await post(path(randomUUID(), '/cancel'), cancel, {})).toMatchObject(REUSED);
    expect(await post(path(reference, '/withdraw'), cancel, {})).toMatchObject(REUSED);
    expect((await api.get(path(other['reference']))).body['status']).toBe('pending');
  });

  it('may be tried again after an answer that is not kept, also as another one', async () => {
    const key = freshKey();
    const { reference, code } = await api.createAndAwaitCode();
    const tries: readonly [string, unknown, string][] = [
      ['/v1/agreement', { phone: freshPhone() }, 'validation_failed'],
      ['/v1/agreement', { id_hash: 'h', phone: '+7999' }, 'phone_not_allowed'],
      ['/v1/agreement', '{', 'malformed_request'],
      [path(randomUUID(), '/cancel'), {}, 'agreement_not_found'],
      [path(reference, '/resend'), {}, 'resend_too_soon'],
      [path(reference, '/withdraw'), {}, 'not_confirmed'],
    ];
    for (const [to, body, problem] of tries) {
      expect(await post(to, key, body)).toMatchObject({ code: problem, replayed: false });
    }
    expect(await post(path(reference), key, { code })).toMatchObject({ status: 200, replayed: false });
    expect(await post(path(reference), key, { code })).toMatchObject({ status: 200, replayed: true });
  });

  it('is forgotten after 24 hours, and its key is free for another one', async () => {
    const key = freshKey();
    const body = newOne();
    const first = await post('/v1/agreement', key, body);
    const age = (interval: string) =>
      database.query(`UPDATE idempotency_key SET created_at = now() - $2::interval WHERE key = $1`, [key, interval]);
    await age('23 hours 59 minutes');
    expect(await post('/v1/agreement', key, body)).toEqual({ ...first, replayed: true });
    await age('24 hours 1 second');
    const { reference } = JSON.parse(first.text) as { reference: string };
    const cancelled = await post(path(reference, '/cancel'), key);
    expect(cancelled).toMatchObject({ status: 200, replayed: false });
    await age('24 hours 1 second');
    const second = await post('/v1/agreement', key, body);
    expect(second).toMatchObject({ status: 201, replayed: false });
    expect(await post('/v1/agreement', key, body)).toEqual({ ...second, replayed: true });
  });

  it('says so in the log when it is replayed', async () => {
    const key = freshKey();
    const body = newOne();
    const { text } = await post('/v1/agreement', key, body);
    await post('/v1/agreement', key, body, { 'x-request-id': key });
    const line = await until('the line', () => service.log.find((entry) => entry.includes(`"request_id":"${key}"`)));
    expect(JSON.parse(line)).toMatchObject({ status: 201, replayed: true, reference: JSON.parse(text).reference });
    expect(service.log.filter((entry) => entry.includes('"replayed":true')).length).toBeGreaterThan(0);
  });

  it.each(['', 'a b', 'clé', 'a\tb', 'k'.repeat(256)])('is refused where the key is %j', async (key) => {
    const headers = { 'idempotency-key': key };
    const answer = await api.post('/v1/agreement', newOne(), headers);
    const field = expect.objectContaining({ field: 'Idempotency-Key' });
    expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed', errors: [field] } });
    // The header is looked at before the body.
    const both = await api.post('/v1/agreement', { phone: 1 }, headers);
    expect(both.body['errors']).toEqual([field]);
    const resend = await api.post(path(randomUUID(), '/resend'), { unknown: 1 }, headers);
    expect(resend.body['errors']).toEqual([field]);
  });

  it('takes a key of 255 characters, and of any visible ones', async () => {
    for (const key of ['k'.repeat(255), '"a,b;c\\~!"']) {
      expect(await post('/v1/agreement', key, newOne())).toMatchObject({ status: 201 });
    }
  });

  it('is checked before its content is looked at, however deep that is', async () => {
    const deep = `{"id_hash": ${'['.repeat(8_000)}${']'.repeat(8_000)}}`;
    expect(await post('/v1/agreement', freshKey(), deep)).toMatchObject({ status: 422, code: 'validation_failed' });
  });

  it('that reads needs no key and ignores one', async () => {
    const { body } = await api.create();
    const answer = await api.get(path(body['reference']), { 'idempotency-key': 'a b' });
    expect([answer.status, answer.headers.get('idempotency-replayed')]).toEqual([200, null]);
  });

  it('lets a page in a browser see that it was replayed', async () => {
    const headers = { origin: 'https://shop.example' };
    const { headers: answered } = await api.post('/v1/agreement', newOne(), headers);
    expect(answered.get('access-control-expose-headers')).toContain('Idempotency-Replayed');
  });
});
