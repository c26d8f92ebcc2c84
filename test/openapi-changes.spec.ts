import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { breakingChanges } from '../scripts/api-changes.js';
import { runScript } from './support/program.js';

const text = readFileSync(new URL('../docs/openapi.json', import.meta.url), 'utf8');
type Change = (document: any) => void;

const schema = (document: any, name: string) => document.components.schemas[name];
const field = (document: any, name: string, property: string) => schema(document, name).properties[property];
const parameter = (document: any, name: string) =>
  document.paths['/v1/agreement'].get.parameters.find((candidate: any) => candidate.name === name);
const resend = (document: any) => document.paths['/v1/agreement/{reference}/resend'].post;
const without = (list: unknown[], value: unknown) => list.filter((candidate) => candidate !== value);

/** Takes a field out of a schema, and out of those that are required. */
const drop = (document: any, name: string, property: string) => {
  const owner = schema(document, name);
  delete owner.properties[property];
  owner.required = without(owner.required ?? [], property);
};

const BREAKING: Readonly<Record<string, Change>> = {
  'a path is gone': (api) => delete api.paths['/v1/agreement/{reference}/resend'],
  'a method is gone': (api) => delete api.paths['/v1/agreement'].get,
  'a path is called otherwise': (api) => {
    api.paths['/v1/agreement/{id}/resend'] = resend(api);
    delete api.paths['/v1/agreement/{reference}/resend'];
  },
  'an operationId is another': (api) => (resend(api).operationId = 'sendAgain'),
  'a call needs a key that needed none': (api) => (api.paths['/health/live'].get.security = [{ bearer: [] }]),

  'a field of the answer is gone': (api) => drop(api, 'AgreementDto', 'codes_left'),
  'a field deep in the answer is gone': (api) => drop(api, 'AgreedDocumentDto', 'version'),
  'a field of the list is gone': (api) => drop(api, 'AgreementListDto', 'next_cursor'),
  'a field of the answer may be missing': (api) =>
    (schema(api, 'AgreementDto').required = without(schema(api, 'AgreementDto').required, 'test')),
  'a field of the answer may be null': (api) => (field(api, 'AgreementDto', 'reference').nullable = true),
  'a field of the answer is of another type': (api) => (field(api, 'AgreementDto', 'attempts_left').type = 'string'),
  'a field of the answer is of another format': (api) => (field(api, 'AgreementDto', 'created_at').format = 'date'),
  'a status of agreements is called otherwise': (api) => (field(api, 'AgreementDto', 'status').enum[0] = 'waiting'),
  'a code of problems is gone': (api) => field(api, 'ProblemDto', 'code').enum.pop(),
  'a member of problems is gone': (api) => drop(api, 'ProblemDto', 'retry_after'),
  'a success has another status': (api) => {
    resend(api).responses['200'] = resend(api).responses['202'];
    delete resend(api).responses['202'];
  },
  'a status of errors is gone': (api) => delete resend(api).responses['429'],
  'an answer is of another content type': (api) => {
    const { content } = resend(api).responses['202'];
    content['text/json'] = content['application/json'];
    delete content['application/json'];
  },
  'a header of the answer is gone': (api) => delete api.paths['/v1/agreement'].post.responses['201'].headers.Location,

  'a new field is asked for': (api) => {
    schema(api, 'CreateAgreementDto').properties.email = { type: 'string' };
    schema(api, 'CreateAgreementDto').required.push('email');
  },
  'a field is needed that was not': (api) => schema(api, 'CreateAgreementDto').required.push('document'),
  'a field deep in the request is needed that was not': (api) => (schema(api, 'SubjectDto').required = ['ip']),
  'a field is no longer taken': (api) => drop(api, 'CreateAgreementDto', 'subject'),
  'a field is taken as another type': (api) => (field(api, 'ConfirmAgreementDto', 'code').type = 'integer'),
  'a value is no longer taken': (api) => field(api, 'CreateAgreementDto', 'locale').enum.pop(),
  'a text has to be shorter': (api) => (field(api, 'CreateAgreementDto', 'phone').maxLength = 20),
  'a text has to be longer': (api) => (field(api, 'CreateAgreementDto', 'phone').minLength = 5),
  'a text deep in the request has to be shorter': (api) => (field(api, 'SubjectDto', 'user_agent').maxLength = 999),
  'a text has to look otherwise': (api) => (field(api, 'CreateAgreementDto', 'id_hash').pattern = '^[0-9a-f]{64}$'),
  'there may be fewer pairs': (api) => (field(api, 'CreateAgreementDto', 'metadata').maxProperties = 10),
  'values of pairs have to be shorter': (api) =>
    (field(api, 'CreateAgreementDto', 'metadata').additionalProperties.maxLength = 100),
  'a body is needed that was not': (api) => (resend(api).requestBody.required = true),

  'a parameter is gone': (api) => {
    const { get } = api.paths['/v1/agreement'];
    get.parameters = without(get.parameters, parameter(api, 'status'));
  },
  'a parameter is called otherwise': (api) => (parameter(api, 'limit').name = 'count'),
  'a parameter is needed that was not': (api) => (parameter(api, 'id_hash').required = true),
  'a new parameter is asked for': (api) =>
    api.paths['/v1/agreement'].get.parameters.push({
      name: 'day',
      in: 'query',
      required: true,
      schema: { type: 'string' },
    }),
  'a value of a parameter is no longer taken': (api) => parameter(api, 'status').schema.enum.pop(),
  'a limit of a parameter is lower': (api) => (parameter(api, 'limit').schema.maximum = 50),
};

const COMPATIBLE: Readonly<Record<string, Change>> = {
  'nothing is different': () => undefined,
  'a text reads otherwise': (api) => {
    api.info.description = 'Better words.';
    field(api, 'AgreementDto', 'status').description = 'Better words.';
    field(api, 'AgreementDto', 'status').example = 'confirmed';
    resend(api).summary = 'Better words.';
  },
  'a detail of a problem reads otherwise': (api) => {
    resend(api).responses['429'].description = 'Later.';
    resend(api).responses['429'].content['application/problem+json'].examples.resend_too_soon.value.detail = 'Позже.';
  },
  'there is a new path': (api) =>
    (api.paths['/v1/statistics'] = {
      get: { operationId: 'getStatistics', responses: { 200: { description: 'Numbers.' } } },
    }),
  'there is a new field in the answer': (api) => {
    schema(api, 'AgreementDto').properties.channel = { type: 'string' };
    schema(api, 'AgreementDto').required.push('channel');
  },
  'there is a new value in the answer': (api) => field(api, 'AgreementDto', 'status').enum.push('archived'),
  'there is a new code of problems, with a status of its own': (api) => {
    field(api, 'ProblemDto', 'code').enum.push('rate_limited');
    api.paths['/v1/agreement'].post.responses['429'] = resend(api).responses['429'];
  },
  'there is a new header of the answer': (api) =>
    (resend(api).responses['202'].headers['Server-Timing'] = { schema: { type: 'string' } }),
  'a field that is not needed is taken': (api) =>
    (schema(api, 'CreateAgreementDto').properties.channel = { type: 'string' }),
  'a field is needed no longer, because another may take its place': (api) => {
    schema(api, 'CreateAgreementDto').required = ['id_hash'];
    schema(api, 'CreateAgreementDto').properties.email = { type: 'string' };
  },
  'a new value is taken': (api) => field(api, 'CreateAgreementDto', 'locale').enum.push('kk'),
  'a text may be longer': (api) => (field(api, 'CreateAgreementDto', 'phone').maxLength = 320),
  'a header may be sent': (api) =>
    resend(api).parameters.push({ name: 'Prefer', in: 'header', required: false, schema: { type: 'string' } }),
  'a parameter may be sent': (api) =>
    api.paths['/v1/agreement'].get.parameters.push({
      name: 'test',
      in: 'query',
      required: false,
      schema: { type: 'boolean' },
    }),
};

const changed = (change: Change): string[] => {
  const after: unknown = JSON.parse(text);
  change(after);
  return breakingChanges(JSON.parse(text) as object, after as object);
};

describe('a new OpenAPI document', () => {
  it.each(Object.entries(BREAKING))('breaks callers where %s', (_, change) => {
    expect(changed(change)).not.toEqual([]);
  });

  it.each(Object.entries(COMPATIBLE))('breaks nobody where %s', (_, change) => {
    expect(changed(change)).toEqual([]);
  });

  it('says in words what it would break', () => {
    expect(changed((api) => (parameter(api, 'limit').schema.maximum = 50))).toEqual([
      'GET /v1/agreement replace parameters/5/schema/maximum: 100 → 50',
    ]);
  });
});

describe('npm run openapi', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'openapi-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const write = (file: string) => runScript('openapi.ts', [file]);

  it('writes what the service describes', async () => {
    const file = join(folder, 'new.json');
    expect(await write(file)).toMatchObject({ code: 0, stderr: '' });
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  it('writes nothing that would break a caller of what was there, and says what it is', async () => {
    const file = join(folder, 'relied-on.json');
    const before = JSON.parse(text) as unknown;
    schema(before, 'AgreementDto').properties.colour = { type: 'string' };
    await writeFile(file, JSON.stringify(before));
    const { code, stderr } = await write(file);
    expect(code).toBe(1);
    expect(stderr).toContain(
      'POST /v1/agreement remove responses/201/content/application/json/schema/properties/colour',
    );
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(before);
  });
});
