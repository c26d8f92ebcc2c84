import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { breakingChanges } from '../scripts/api-changes.js';
import { readConfig } from '../src/config.js';
import { PROBLEMS } from '../src/http/problem.js';
import { createLogger } from '../src/logger.js';
import { describeApi } from '../src/openapi.js';

interface Described {
  readonly description?: string;
}
interface Operation extends Described {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly (Described & { readonly $ref?: string })[];
  readonly requestBody?: Described;
  readonly responses: Record<string, Described & { content?: Record<string, { examples?: Record<string, unknown> }> }>;
}

const committed = JSON.parse(
  readFileSync(new URL('../docs/openapi.json', import.meta.url), 'utf8'),
) as typeof described;
const OPERATIONS = Object.entries(committed.paths).flatMap(([path, methods]) =>
  Object.entries(methods as unknown as Record<string, Operation>).map(([method, operation]) => ({
    method,
    path,
    ...operation,
  })),
);
let described: Awaited<ReturnType<typeof describeApi>>;

const ALWAYS = ['401 unauthorized', '403 forbidden', '500 internal_error', '503 unavailable'];
const MALFORMED = ['400 malformed_request', '413 malformed_request', '415 malformed_request'];
const KEYED = ['422 idempotency_key_reused', '409 request_in_progress'];
const WITH_BODY = [...ALWAYS, ...MALFORMED, '422 validation_failed', ...KEYED];
const TO_ONE = [...WITH_BODY, '404 agreement_not_found'];
const OVER = ['409 already_confirmed', '409 agreement_closed'];

/** What a call can go wrong with, by the table of errors. */
const LIMITED = ['429 send_limit_reached', '429 rate_limited'];
const PROBLEMS_OF: Readonly<Record<string, readonly string[]>> = {
  createAgreement: [...WITH_BODY, ...LIMITED, '422 phone_not_allowed', '422 email_not_allowed'],
  confirmAgreement: [
    ...[...TO_ONE, ...OVER, '409 code_not_sent_yet', '422 code_invalid', '409 attempts_exhausted', '410 code_expired'],
  ],
  resendCode: [...TO_ONE, ...OVER, ...LIMITED, '429 resend_too_soon'],
  cancelAgreement: [...TO_ONE, ...OVER],
  withdrawAgreement: [...TO_ONE, '409 not_confirmed'],
  getAgreement: [...ALWAYS, '404 agreement_not_found'],
  listAgreements: [...ALWAYS, '422 validation_failed'],
  listSandboxMessages: ['403 forbidden', '422 validation_failed', '500 internal_error', '503 unavailable'],
  getSandboxSwitches: ['403 forbidden', '500 internal_error', '503 unavailable'],
  setSandboxSwitches: ['403 forbidden', ...MALFORMED, '422 validation_failed', '500 internal_error', '503 unavailable'],
  takeReceipt: [...ALWAYS, ...MALFORMED, '404 not_found'],
  getLiveness: [],
  getReadiness: [],
};
/** Problems of no route: there is none. */
const OF_NO_ROUTE = ['method_not_allowed'];

describe('docs/openapi.json', () => {
  beforeAll(async () => {
    const key = `unused:${randomBytes(32).toString('base64')}`;
    described = await describeApi(readConfig({ OTP_KEYS: key, CONTACT_KEYS: key }), createLogger('silent'));
  });

  it('takes nothing from the callers of the code as it was described before', () => {
    expect(breakingChanges(committed, described)).toEqual([]);
  });

  it('is what the code describes: npm run openapi writes it', () => {
    expect(committed).toEqual(JSON.parse(JSON.stringify(described)));
  });

  it('is a valid OpenAPI document', async () => {
    const validator = new Validator();
    expect(await validator.validate(JSON.parse(JSON.stringify(committed)))).toEqual({ valid: true });
    expect(validator.version).toBe('3.0');
    expect(() => validator.resolveRefs()).not.toThrow();
  });

  it.each(OPERATIONS)('describes every problem of $operationId and no other', ({ operationId, responses }) => {
    const problems = Object.entries(responses).flatMap(([status, { content }]) =>
      Object.keys(content?.['application/problem+json']?.examples ?? {}).map((code) => `${status} ${code}`),
    );
    expect(problems.sort()).toEqual([...(PROBLEMS_OF[operationId] ?? ['an operation that the table lacks'])].sort());
  });

  it('has every code of the catalogue: at its routes, in the enumeration and in the table', () => {
    const codes = Object.keys(PROBLEMS).sort();
    const atRoutes = Object.values(PROBLEMS_OF)
      .flat()
      .map((problem) => problem.split(' ')[1]);
    expect([...new Set([...atRoutes, ...OF_NO_ROUTE])].sort()).toEqual(codes);
    const { ProblemDto } = committed.components?.schemas as Record<
      string,
      { properties: { code: { enum: string[] } } }
    >;
    expect([...(ProblemDto?.properties.code.enum ?? [])].sort()).toEqual(codes);
    for (const [code, { status }] of Object.entries(PROBLEMS)) {
      expect(committed.info.description).toMatch(new RegExp(`^\\| \`${code}\` \\| ${status}\\b.* \\| .+ \\|$`, 'm'));
    }
  });

  it.each(OPERATIONS)('describes $operationId in words, with all that it takes and gives', (operation) => {
    const { summary, description, tags, parameters = [], requestBody, responses } = operation;
    expect([summary, description].every((text) => text && text.length > 5)).toBe(true);
    expect(tags).toHaveLength(1);
    const parts = [...parameters.filter(({ $ref }) => $ref === undefined), ...(requestBody ? [requestBody] : [])];
    for (const part of [...parts, ...Object.values(responses)]) {
      expect({ part, described: Boolean(part.description) }).toEqual({ part, described: true });
    }
  });

  it('describes every field in words', () => {
    const schemas = committed.components?.schemas as Record<string, { properties: Record<string, Described> }>;
    const silent = Object.entries(schemas).flatMap(([schema, { properties }]) =>
      Object.entries(properties).flatMap(([name, { description }]) => (description ? [] : [`${schema}.${name}`])),
    );
    expect(silent).toEqual([]);
  });

  it('has an operationId for every operation, each once', () => {
    const ids = OPERATIONS.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.sort()).toEqual(Object.keys(PROBLEMS_OF).sort());
  });
});
