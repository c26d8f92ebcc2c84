import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { startService } from './support/service.js';

const UUID_V7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const SHA256 = createHash('sha256').update('the text that was shown').digest('hex');
const DOCUMENT = { id: 'privacy-policy', version: '2026-01', sha256: SHA256 };

describe('POST /v1/agreement', () => {
  const database = useDatabase();
  let api: DocumentedApi;
  beforeAll(async () => {
    api = new DocumentedApi((await startService(database)).url);
  });

  const rowOf = async (reference: string) => {
    const [row] = await database.query('SELECT * FROM agreement WHERE reference = $1', [reference]);
    return row;
  };

  it('answers 201 with the agreement and where it is', async () => {
    const { status, headers, body } = await api.create({
      id_hash: 'a1',
      phone: '+7 (916) 123-45-67',
      document: DOCUMENT,
    });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/v1/agreement/${body['reference']}`);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(body).toEqual({
      reference: expect.stringMatching(UUID_V7),
      id_hash: 'a1',
      phone: '+7916•••••67',
      email: null,
      document: DOCUMENT,
      locale: 'ru',
      metadata: {},
      test: false,
      status: 'pending',
      delivery: 'queued',
      delivery_reason: null,
      attempts_left: 3,
      codes_left: 4,
      resend_available_at: expect.stringMatching(TIME),
      code_expires_at: null,
      expires_at: expect.stringMatching(TIME),
      created_at: expect.stringMatching(TIME),
      confirmed_at: null,
      withdrawn_at: null,
      closed_at: null,
      close_reason: null,
    });
  });

  it('counts the minute to a resend and the day to the end from the creation', async () => {
    const { body } = await api.create();
    const created = Date.parse(body['created_at']);
    expect(Date.parse(body['resend_available_at']) - created).toBe(60_000);
    expect(Date.parse(body['expires_at']) - created).toBe(86_400_000);
  });

  it('gives under its Location what it answered with', async () => {
    const created = await api.create({ document: DOCUMENT, locale: 'en', metadata: { order: '1042' } });
    const found = await api.get(created.headers.get('location') ?? '');
    expect(found.status).toBe(200);
    const { delivery, code_expires_at, ...settled } = created.body;
    expect(found.body).toMatchObject(settled);
  });

  it('takes the time of the database into the reference', async () => {
    const { body } = await api.create();
    const milliseconds = parseInt(String(body['reference']).replace('-', '').slice(0, 12), 16);
    expect(new Date(milliseconds).toISOString()).toBe(body['created_at']);
  });

  it('makes a new agreement with its own code at each call, also for one phone', async () => {
    const phone = freshPhone();
    const [first, second] = [await api.create({ phone }), await api.create({ phone })];
    expect(first.body['reference']).not.toBe(second.body['reference']);
    await api.codeSentTo(phone, 2);
    const messages = await api.messages(phone);
    expect(messages.map(({ reference }) => reference).sort()).toEqual(
      [first.body['reference'], second.body['reference']].sort(),
    );
  });

  it('shows the digits of the phone neither in the answer nor in a list', async () => {
    const { body } = await api.create({ phone: '+79161112233' });
    const answers = [
      body,
      (await api.get(`/v1/agreement/${body['reference']}`)).body,
      (await api.get('/v1/agreement')).body,
    ];
    for (const answer of answers) expect(JSON.stringify(answer)).not.toMatch(/9161112233|1112233/);
  });

  it('puts the sandbox document in the place of one that is not given', async () => {
    const { body } = await api.create();
    expect(body['document']).toEqual({ id: 'sandbox', version: '1', sha256: expect.stringMatching(/^[\da-f]{64}$/) });
  });

  it('takes the SHA-256 in either case and gives it back in lower case', async () => {
    const { status, body } = await api.create({ document: { ...DOCUMENT, sha256: SHA256.toUpperCase() } });
    expect([status, body['document']]).toEqual([201, DOCUMENT]);
  });

  it('gives metadata back as they came, whatever the keys', async () => {
    const metadata = {
      constructor: 'x',
      toString: '',
      hasOwnProperty: 'true',
      toJSON: 'not a function',
      valueOf: 'v',
      length: '3',
      'ключ 🔑': 'значение "в кавычках" \\ \n\t 🗝',
      "'; DROP TABLE agreement; --": '%00 {code}',
    };
    const created = await api.create({ metadata });
    expect(created.body).toMatchObject({ metadata });
    const found = await api.get(`/v1/agreement/${created.body['reference']}`);
    expect(found.body['metadata']).toEqual(metadata);
  });

  it('keeps what the caller saw of the person', async () => {
    const subject = { ip: '2001:db8::7', user_agent: 'Mozilla/5.0 (тест)', shown_at: '2026-01-31T15:00:00.5+03:00' };
    const { body } = await api.create({ subject });
    expect(await rowOf(body['reference'])).toMatchObject({
      subject_ip: '2001:db8::7',
      subject_user_agent: 'Mozilla/5.0 (тест)',
      subject_shown_at: new Date('2026-01-31T12:00:00.500Z'),
    });
    expect(JSON.stringify(body)).not.toContain('Mozilla');
  });

  it('writes the text in the language of the agreement', async () => {
    const [russian, english] = [freshPhone(), freshPhone()];
    await api.create({ phone: russian });
    await api.create({ phone: english, locale: 'en' });
    await Promise.all([api.codeSentTo(russian), api.codeSentTo(english)]);
    expect((await api.messages(russian))[0]?.text).toMatch(/^\d{6} - код согласия на обработку персональных данных\./);
    expect((await api.messages(english))[0]?.text).toMatch(/^\d{6} is your code to agree/);
  });

  it('is visible as sent, with the end of its code, once the text is out', async () => {
    const phone = freshPhone();
    const { body } = await api.create({ phone });
    await api.codeSentTo(phone);
    const sent = await api.until(body['reference'], { delivery: 'sent' });
    expect(sent).toMatchObject({ delivery_reason: null, attempts_left: 3, codes_left: 4 });
    expect(Date.parse(sent['code_expires_at']) - Date.parse(body['created_at'])).toBeGreaterThanOrEqual(900_000);
  });
});
