import { beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { startService } from './support/service.js';

const NAME = `${'a'.repeat(61)}._-`;
const DOCUMENT = { id: 'policy', version: '1', sha256: 'a'.repeat(64) };
const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));

/** Values at the edges of what a field takes: the last ones inside, the first ones outside. */
const EDGES: readonly { field: string; taken: unknown[]; refused: unknown[] }[] = [
  { field: 'id_hash', taken: ['!', '~'.repeat(256)], refused: ['', 'x'.repeat(257), 'a b', 'a\u007f', 'é', 'a\n'] },
  { field: 'phone', taken: [`+7916${' '.repeat(52)}1234567`], refused: ['', `+7916${' '.repeat(53)}1234567`] },
  { field: 'document.id', taken: ['a', NAME], refused: ['', `${NAME}a`, 'a b', 'a/b', 'документ'] },
  { field: 'document.version', taken: ['1', NAME], refused: ['', `${NAME}a`, '1:2'] },
  {
    field: 'document.sha256',
    taken: ['0'.repeat(64), 'F'.repeat(64)],
    refused: ['a'.repeat(63), 'a'.repeat(65), 'g'.repeat(64)],
  },
  { field: 'locale', taken: ['ru', 'en'], refused: ['', 'RU', 'de', 'en-US'] },
  { field: 'metadata', taken: [{}, pairs(20)], refused: [pairs(21)] },
  {
    field: 'metadata',
    taken: [{ ['🔑'.repeat(40)]: '🗝'.repeat(500) }],
    refused: [{ ['k'.repeat(41)]: 'v' }, { k: 'v'.repeat(501) }],
  },
  { field: 'metadata', taken: [{ k: '' }], refused: [{ '': 'v' }, { k: 1 }, { k: null }, { k: {} }, { k: ['v'] }] },
  { field: 'subject.ip', taken: ['0.0.0.0', '::1'], refused: ['', '1.2.3', '1.2.3.256', '1.2.3.4/8', 'localhost'] },
  { field: 'subject.user_agent', taken: ['x', '🙂'.repeat(1000)], refused: ['', 'x'.repeat(1001)] },
  {
    field: 'subject.shown_at',
    taken: [
      '2024-02-29T23:59:59Z',
      '2026-01-31t12:00:00.123456789+14:00',
      '0001-01-01T00:00:00Z',
      '9999-12-31T23:59:59Z',
    ],
    refused: [
      '',
      '2026-01-31',
      '2026-01-31T12:00:00',
      '2026-02-29T12:00:00Z',
      '2026-01-31T24:00:00Z',
      '2026-13-01T00:00:00Z',
      '0001-01-01T00:00:00+01:00',
      '9999-12-31T23:59:59-12:00',
      'now',
    ],
  },
];

/** What no field takes, whatever it is for. */
const CONFUSED: readonly unknown[] = [
  ...[null, true, false, 0, 1, -1, 1e308, [], [''], [null], [[[]]], ['a', 'b'], { a: 1 }, { length: 5 }, { $ne: null }],
  ...['\0', 'a\0b', '\ud800', '\udc00\ud800', '١٢٣٤٥٦', '１２３４５６', 'x'.repeat(5000)],
  ...[{ constructor: 'x' }, { toString: 'x' }, { valueOf: { a: 1 } }, { hasOwnProperty: 1 }, { then: 'x' }],
];
const FIELDS = ['id_hash', 'phone', 'document', 'locale', 'metadata', 'subject'];
const INNER_FIELDS = [
  'document.id',
  'document.version',
  'document.sha256',
  'subject.ip',
  'subject.user_agent',
  'subject.shown_at',
];
/** Objects whose fields are texts are metadata, and any well-formed text names a browser. */
const MEANT: Readonly<Record<string, readonly unknown[]>> = {
  metadata: [{ constructor: 'x' }, { toString: 'x' }, { then: 'x' }],
  'subject.user_agent': ['١٢٣٤٥٦', '１２３４５６'],
};

describe('the fields of POST /v1/agreement', () => {
  const database = useDatabase();
  let api: DocumentedApi;
  beforeAll(async () => {
    api = new DocumentedApi((await startService(database)).url);
  });

  const withField = (field: string, value: unknown) => {
    const [outer = '', inner] = field.split('.');
    const whole = outer === 'document' ? DOCUMENT : {};
    const fields = { id_hash: 'x', phone: freshPhone(), document: DOCUMENT };
    return { ...fields, [outer]: inner === undefined ? value : { ...whole, [inner]: value } };
  };
  const agreements = async () =>
    Number((await database.query<{ n: string }>('SELECT count(*) AS n FROM agreement'))[0]?.n);

  it.each(EDGES)('takes in $field what is allowed and not a character more', async ({ field, taken, refused }) => {
    for (const value of taken) {
      const { status, body } = await api.post('/v1/agreement', withField(field, value));
      expect({ value, status, errors: body['errors'] }).toEqual({ value, status: 201, errors: undefined });
    }
    for (const value of refused) {
      const { status, body } = await api.post('/v1/agreement', withField(field, value));
      expect({ value, status, body }).toMatchObject({
        value,
        status: 422,
        body: { code: 'validation_failed', errors: [{ field }] },
      });
    }
  });

  it.each([...FIELDS, ...INNER_FIELDS])(
    'refuses in %s whatever is of another type, and makes nothing',
    async (field) => {
      const before = await agreements();
      for (const value of CONFUSED.filter((value) => !isIn(MEANT[field] ?? [], value))) {
        const { status, body } = await api.post('/v1/agreement', withField(field, value));
        const named = (body['errors'] as { field: string }[] | undefined)?.every((error) =>
          error.field.startsWith(field),
        );
        const refused = body['code'] === 'phone_not_allowed' || named;
        expect({ value, status, refused }).toEqual({ value, status: 422, refused: true });
      }
      expect(await agreements()).toBe(before);
    },
  );

  it('names every field that is wrong, at once', async () => {
    const { body } = await api.post('/v1/agreement', {
      phone: 1,
      document: { id: '', sha256: 'x', more: 1 },
      extra: null,
    });
    const fields = (body['errors'] as { field: string }[]).map(({ field }) => field);
    expect(fields.sort()).toEqual([
      'document.id',
      'document.more',
      'document.sha256',
      'document.version',
      'extra',
      'id_hash',
      'phone',
    ]);
  });

  it.each(['extra', 'constructor', 'toString', 'hasOwnProperty', 'status', 'test', 'client', '\ud800', 'a.b'])(
    'refuses the unknown field %j at every level',
    async (name) => {
      for (const body of [
        { ...withField('locale', 'ru'), [name]: 'x' },
        withField('document', { ...DOCUMENT, [name]: 'x' }),
        withField('subject', { [name]: { deep: 'x' } }),
      ]) {
        const answer = await api.post('/v1/agreement', body);
        expect(answer).toMatchObject({ status: 422, body: { errors: [{ message: 'is not a known field' }] } });
      }
    },
  );

  it.each([
    '{"__proto__": {"id_hash": "x"}}',
    '{"constructor": {"prototype": {}}}',
    '{"metadata": {"__proto__": "x"}}',
  ])('refuses the poisoned prototype %s as a malformed request', async (body) => {
    expect(await api.post('/v1/agreement', body)).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
  });

  it.each(['null', '[]', '[{}]', '"text"', '1', 'true', '""'])(
    'refuses the body %s, which is no object',
    async (body) => {
      const errors = [{ field: '', message: 'the body must be a JSON object' }];
      expect(await api.post('/v1/agreement', body)).toMatchObject({ status: 422, body: { errors } });
    },
  );

  it.each(['x', 'document', 'metadata', 'subject', 'phone'])('refuses a %s of seven thousand levels', async (field) => {
    const deep = `${'['.repeat(7000)}${']'.repeat(7000)}`;
    const deeper = `${'{"a":'.repeat(2300)}1${'}'.repeat(2300)}`;
    for (const value of [deep, deeper]) {
      const answer = await api.post('/v1/agreement', `{"id_hash": "x", "phone": "+79161234567", "${field}": ${value}}`);
      expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    }
  });
});

const isIn = (values: readonly unknown[], value: unknown): boolean =>
  values.some((candidate) => JSON.stringify(candidate) === JSON.stringify(value));
