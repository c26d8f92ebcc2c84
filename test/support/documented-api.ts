import { readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { type Answer, Api } from './api.js';

interface Content {
  readonly schema: object;
  readonly examples?: Record<string, { readonly value: unknown }>;
}

interface Response {
  readonly headers?: Record<string, unknown>;
  readonly content?: Record<string, Content>;
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name?: string; readonly schema?: object }[];
  readonly requestBody?: { readonly content: Record<string, Content> };
  readonly responses: Record<string, Response>;
}

interface OpenApi {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: {
    readonly schemas: Record<string, { readonly properties: Record<string, { readonly example?: unknown }> }>;
  };
}

const FILE = new URL('../../docs/openapi.json', import.meta.url);
export const documented = JSON.parse(readFileSync(FILE, 'utf8')) as OpenApi;

const ajv = new Ajv({ strict: false, allErrors: true });
formats.default(ajv);
ajv.addSchema(documented, 'openapi');

const PATHS = Object.keys(documented.paths).map((template) => ({
  template,
  pattern: new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}/?$`),
}));

/** The service as its callers use it, with each answer held against docs/openapi.json. */
export class DocumentedApi extends Api {
  override with(headers: Record<string, string>): DocumentedApi {
    return new DocumentedApi(this.url, { ...this.headers, ...headers });
  }

  override async request(...[method, path, body, headers]: Parameters<Api['request']>): Promise<Answer> {
    const answer = await super.request(method, path, body, headers);
    expectDocumented(method, path, answer);
    return answer;
  }
}

/** The examples that do not fit the schema that they stand at, by their place in the document. */
export function invalidExamples(): string[] {
  const fields = Object.entries(documented.components.schemas).flatMap(([schema, { properties }]) =>
    Object.entries(properties)
      .filter(([, { example }]) => example !== undefined)
      .map(([name, { example }]) => ({ pointer: ['components', 'schemas', schema, 'properties', name], example })),
  );
  const problems = Object.entries(documented.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { responses }]) =>
      Object.entries(responses).flatMap(([status, { content = {} }]) =>
        Object.entries(content).flatMap(([type, { examples = {} }]) =>
          Object.values(examples).map(({ value }) => ({
            pointer: ['paths', path, method, 'responses', status, 'content', type, 'schema'],
            example: value,
          })),
        ),
      ),
    ),
  );
  const checked = [...fields, ...problems];
  return checked.filter(({ pointer, example }) => !schemaAt(pointer)(example)).map(({ pointer }) => pointer.join(' '));
}

function schemaAt(pointer: readonly (string | number)[]): ValidateFunction {
  const found = ajv.getSchema(`openapi#/${pointer.map(escaped).join('/')}`);
  if (!found) throw new Error(`the document has no schema at ${pointer.join(' ')}`);
  return found;
}

/** Fails where a caller who has read the document would be surprised: status, code, headers, fields and their forms. */
function expectDocumented(method: string, path: string, answer: Answer): void {
  const { status, body, headers } = answer;
  const template = PATHS.find(({ pattern }) => pattern.test(path.split('?', 1)[0] ?? ''))?.template ?? '';
  const response = documented.paths[template]?.[method.toLowerCase()]?.responses[status];
  const where = `${method} ${path} answered ${status} ${JSON.stringify(body)}`;
  if (!response) throw new Error(`not documented: ${where}`);
  const type = headers.get('content-type')?.split(';', 1)[0] ?? '';
  expect({ where, types: Object.keys(response.content ?? {}) }).toEqual({ where, types: [type] });
  const isValid = schemaAt(['paths', template, method.toLowerCase(), 'responses', status, 'content', type, 'schema']);
  isValid(body);
  expect({ where, errors: isValid.errors }).toEqual({ where, errors: null });
  const unknown =
    type === 'application/json' ? [] : [body['code']].filter((code) => !response.content?.[type]?.examples?.[code]);
  expect({ where, unknown }).toEqual({ where, unknown: [] });
  expectHeaders(where, response, answer);
}

/** Documented, and not in every answer. */
const SOMETIMES: ReadonlySet<string> = new Set([
  ...['Retry-After', 'Idempotency-Replayed', 'RateLimit', 'RateLimit-Policy'],
]);

function expectHeaders(where: string, response: Response, { status, body, headers }: Answer): void {
  expect({ where, cache: headers.get('cache-control') }).toEqual({ where, cache: 'no-store' });
  const missing = Object.keys(response.headers ?? {}).filter((name) => !SOMETIMES.has(name) && !headers.has(name));
  expect({ where, missing }).toEqual({ where, missing: [] });
  const retryAfter = status < 400 ? null : (body['retry_after'] ?? null);
  expect({ where, retryAfter: headers.get('retry-after') }).toEqual({
    where,
    retryAfter: retryAfter && String(retryAfter),
  });
}

const escaped = (part: string | number): string =>
  encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1'));
