import type { Answer } from '../support/api.js';
import { type Attack, kindOf, unless } from './answers.js';
import { type Deployment, farPhone } from './deployment.js';

const MEGABYTES = 'x'.repeat(2 * 1024 * 1024);
const DEEP = '['.repeat(3000) + ']'.repeat(3000);

/** What no field takes: every type but the right one, and texts that look like digits to somebody. */
const CONFUSED: readonly unknown[] = [
  ...[null, true, false, 0, 123456, -1, 1e308, '', ' ', [], ['123456'], [['123456']], {}, { length: 6 }],
  ...['12345', '1234567', '12345a', ' 123456', '123456\n', '1e5000', '-12345', '+12345', '0x1234', '12345\0'],
  ...['١٢٣٤٥٦', '１２３４５６', '𝟏𝟐𝟑𝟒𝟓𝟔', '\ud800', '💥', "' OR ''='", '$ne', '{{7*7}}', 'x'.repeat(15_000)],
  ...[{ $ne: null }, { toString: '123456' }, { valueOf: 1 }, { then: 'x' }, { constructor: { prototype: {} } }],
];

/** Bodies that are no JSON object at all, with their content types. */
const BROKEN: readonly (readonly [string, string])[] = [
  ...['', '{', '{"code": "123456"', "{'code': '123456'}", '{"code": 012345}', '\0', '\ufeff{}', 'null', '[]'].map(
    (body) => ['application/json', body] as const,
  ),
  ...['"123456"', '123456', 'true', DEEP, `{"code": ${DEEP}}`, '{"__proto__": {"code": "123456"}}'].map(
    (body) => ['application/json', body] as const,
  ),
  ['application/json', '{"constructor": {"prototype": {"code": "123456"}}}'],
  ['application/json', `{"code": "${MEGABYTES}"}`],
  ['application/json', '{"code": "123456", "code": ["123456"]}'],
  ['text/plain', '{"code": "123456"}'],
  ['application/x-www-form-urlencoded', 'code=123456'],
  ['multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="code"\r\n\r\n123456\r\n--x--'],
  ['application/xml', '<code>123456</code>'],
  ['nonsense', '{"code": "123456"}'],
];
const UNKNOWN_FIELDS = ['extra', 'attempts_left', 'status', 'client', 'test', 'constructor', 'toString', 'a.b', ''];

/** Everything that is no guess, at both replicas: a problem document each time, never a 500, and no attempt used. */
export const confusedConfirms: Attack = async (deployment) => {
  const { reference, code } = await deployment.agreement();
  const path = `/v1/agreement/${reference}`;
  // With the right code where an object has room for it: nothing of it may be looked at.
  const bodies = [
    ...CONFUSED.map((value) => JSON.stringify({ code: value })),
    ...UNKNOWN_FIELDS.map((field) => JSON.stringify({ code, [field]: code })),
    ...CONFUSED.map((value) => JSON.stringify({ code, extra: value })),
    JSON.stringify({ Code: code }),
    `{"code": "${code}", "__proto__": {}}`,
  ].map((body) => ['application/json', body] as const);
  const holes: string[] = [];
  for (const [type, body] of [...bodies, ...BROKEN]) {
    for (const replica of [0, 1]) {
      const answer = await posted(deployment, replica, path, type, body);
      holes.push(...notRefused(answer, `${type} ${body.slice(0, 80)}`));
    }
  }
  const { body: now } = await deployment.at(0).get(path);
  const right = await deployment.at(1).confirm(reference, code);
  return [
    ...holes,
    ...unless(now['attempts_left'] === 3, `${now['attempts_left']} attempts are left after bodies that are no guess`),
    ...unless(right.status === 200, `afterwards the right code is answered ${kindOf(right)}`),
  ];
};

/** The same for what makes agreements: nothing is made. */
export const confusedCreates: Attack = async (deployment) => {
  const rows = async () => {
    const [row] = await deployment.database.query<{ n: number }>('SELECT count(*)::int AS n FROM agreement');
    return row?.n;
  };
  const whole = (change: Record<string, unknown>) =>
    ['application/json', JSON.stringify({ id_hash: 'x', phone: farPhone(), ...change })] as const;
  const before = await rows();
  const holes: string[] = [];
  const fields = ['id_hash', 'phone', 'document', 'locale'];
  // A text of any characters that can be seen is a hash that somebody made.
  const confused = CONFUSED.filter((value) => typeof value !== 'string' || !/^[\x21-\x7e]{1,256}$/.test(value));
  const bodies = [
    ...fields.flatMap((field) => confused.map((value) => whole({ [field]: value }))),
    ...UNKNOWN_FIELDS.map((field) => whole({ [field]: 'x' })),
    ...BROKEN,
    whole({ metadata: { a: { b: 'c' } } }),
    whole({ phone: '+79' }),
  ];
  for (const [index, [type, body]] of bodies.entries()) {
    const answer = await posted(deployment, index, '/v1/agreement', type, body);
    holes.push(...notRefused(answer, `${type} ${body.slice(0, 120)}`));
  }
  const made = await deployment.at(0).create({ phone: farPhone() });
  const after = await rows();
  return [
    ...holes,
    ...unless(made.status === 201, `a create that is right is answered ${kindOf(made)}: nothing was attacked`),
    ...unless(after === Number(before) + 1, `there are ${Number(after) - Number(before)} more agreements and not 1`),
  ];
};

async function posted(
  deployment: Deployment,
  replica: number,
  path: string,
  type: string,
  body: string,
): Promise<Answer> {
  try {
    return await deployment.at(replica).post(path, body, { 'content-type': type });
  } catch (error) {
    // The connection may be closed on what is too large while it is still being sent.
    if (body.length > 100_000) return { status: 413, headers: PROBLEM, body: { code: 'malformed_request' } };
    throw error;
  }
}

const PROBLEM = new Headers({ 'content-type': 'application/problem+json' });
const REFUSALS = [/^4(00|13|15) malformed_request$/, /^422 (validation_failed|phone_not_allowed)$/];

function notRefused(answer: Answer, what: string): string[] {
  const kind = kindOf(answer);
  const isProblem = (answer.headers.get('content-type') ?? '').startsWith('application/problem+json');
  return [
    ...unless(
      REFUSALS.some((refusal) => refusal.test(kind)),
      `${what} is answered ${kind}`,
    ),
    ...unless(isProblem, `${what} is answered without a problem document`),
  ];
}
