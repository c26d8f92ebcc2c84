import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { AppModule } from './app.module.js';
import { CONFIG, type Config } from './config.js';
import { DOCS_HEADERS, ProblemDto, problemTable, REPLAYED, ROUTE_SCOPES } from './http/index.js';
import { createAdapter } from './http/server.js';
import type { Logger } from './logger.js';

const DESCRIPTION = `Obtains a person's agreement to the processing of their personal data and proves it, by a one-time
code sent to their phone. Create an agreement, let the person type the code, confirm it.

JSON in and out; times are UTC in ISO 8601 with milliseconds; a trailing slash makes no difference. Bodies are at most
16 KiB, unknown fields are refused. Answers may grow fields and enumerations values: ignore what you do not know. Every
answer carries \`Cache-Control: no-store\` and \`X-Request-Id\`.

Whatever goes wrong is answered with \`application/problem+json\` (RFC 9457). Its \`code\` is the stable part, its
\`detail\` is for people:

${problemTable()}`;

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

const HEADERS = {
  RequestId: { description: 'Names the request in the logs: yours, or a new one.', schema: { type: 'string' } },
  Replayed: {
    description: '`true` where this is the answer that an earlier request with the same Idempotency-Key was given.',
    schema: { type: 'string', enum: ['true'] },
  },
};
const PARAMETERS = {
  RequestId: {
    name: 'X-Request-Id',
    in: 'header',
    required: false,
    description: 'Your name for the request: 1 to 128 letters, digits and `. _ : + / = -`; any other is replaced.',
    schema: { type: 'string' },
  },
  Language: {
    name: 'Accept-Language',
    in: 'header',
    required: false,
    description: 'The language of `detail`: ru (default) or en.',
    schema: { type: 'string' },
  },
} as const;

/** Of the requests that may be sent again under a key. */
const KEY_PARAMETER = {
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description:
      'Your key for this one request, 1 to 255 visible ASCII characters, such as a new UUID. Send the request again with ' +
      'the same key where you got no answer: it has its effect once, and for 24 hours you get the answer that it had.',
    schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
  },
} as const;
const KEYED = /^\/v1\/agreement(\/|$)/;

/** The OpenAPI document, made from the controllers. */
function createOpenApi(app: NestFastifyApplication): OpenAPIObject {
  const options = new DocumentBuilder()
    .setOpenAPIVersion('3.0.3')
    .setTitle('Agreement service')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .addServer('/', 'Where this document comes from')
    .addSecurity('bearer', {
      type: 'http',
      scheme: 'bearer',
      description: 'An API key. Not needed while none are configured.',
    })
    .addTag('agreement', 'From the first code to the withdrawal')
    .addTag('delivery', 'What providers say of the texts that they took')
    .addTag('sandbox', 'The texts that were not sent: outside production only. On the screen of [a phone](/sandbox)')
    .addTag('health', 'Probes')
    .build();
  const document = completed(SwaggerModule.createDocument(app, options, { extraModels: [ProblemDto] }));
  const { languages } = app.get<Config>(CONFIG).message.texts;
  for (const name of ['CreateAgreementDto', 'AgreementDto']) listLanguages(document, name, languages);
  return document;
}

/** The document of a service that is not started: nothing listens or connects. */
export async function describeApi(config: Config, logger: Logger): Promise<OpenAPIObject> {
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.for(config, logger),
    createAdapter(config, logger),
    {
      logger: false,
      abortOnError: false,
    },
  );
  return createOpenApi(app);
}

const PAGES = new Set(['/docs', '/docs/', '/docs/index.html']);

/** Swagger UI at /docs and the document at /docs-json. */
export function serveDocs(app: NestFastifyApplication): void {
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onSend', (request, reply, payload, done) => {
      if (PAGES.has(request.routeOptions.url ?? '')) reply.headers(DOCS_HEADERS);
      done(null, payload);
    });
  SwaggerModule.setup('docs', app, () => createOpenApi(app), {
    customSiteTitle: 'Agreement service',
    // Else the page would show a picture from a validator on the internet, and tell that where it stands.
    swaggerOptions: { validatorUrl: null },
  });
}

/** Adds what holds for all routes alike, so that no controller can forget it. */
function completed(document: OpenAPIObject): OpenAPIObject {
  const components = { ...document.components, headers: HEADERS, parameters: { ...PARAMETERS, ...KEY_PARAMETER } };
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item) as [string, Operation][]) {
      describeHeaders(operation);
      if (method === 'post' && KEYED.test(path)) describeKey(operation);
      describeScope(operation, ROUTE_SCOPES[`${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`]);
      showInstance(operation, path);
      for (const schema of schemasIn(operation.requestBody, components.schemas)) schema.additionalProperties ??= false;
    }
  }
  return { ...document, components };
}

function describeHeaders(operation: Operation): void {
  const parameters = Object.keys(PARAMETERS).map((name) => ({ $ref: `#/components/parameters/${name}` }));
  operation.parameters = [...(operation.parameters ?? []), ...parameters];
  for (const response of Object.values(operation.responses)) {
    if (response && !('$ref' in response)) {
      response.headers = { ...response.headers, 'X-Request-Id': { $ref: '#/components/headers/RequestId' } };
    }
  }
}

/** What is kept is answered with the header `Idempotency-Replayed`: success, and a guess that was counted. */
function describeKey(operation: Operation): void {
  const parameters = Object.keys(KEY_PARAMETER).map((name) => ({ $ref: `#/components/parameters/${name}` }));
  operation.parameters?.push(...parameters);
  for (const [status, response] of Object.entries(operation.responses)) {
    if (!response || '$ref' in response) continue;
    const examples = response.content?.['application/problem+json']?.examples ?? {};
    const isKept = status.startsWith('2') || 'code_invalid' in examples;
    if (isKept) response.headers = { ...response.headers, [REPLAYED]: { $ref: '#/components/headers/Replayed' } };
  }
}

function describeScope(operation: Operation, scope: string | undefined): void {
  if (scope === undefined || scope === 'public') return;
  operation.description = `${operation.description ?? ''}\n\nScope of the key: \`${scope}\`.`.trim();
}

/** The examples of problems name the path that they are shown under. */
function showInstance(operation: Operation, path: string): void {
  const instance = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => exampleOf(operation, name));
  for (const response of Object.values(operation.responses)) {
    if (!response || '$ref' in response) continue;
    for (const example of Object.values(response.content?.['application/problem+json']?.examples ?? {})) {
      if ('value' in example) Object.assign(example.value as object, { instance });
    }
  }
}

function exampleOf({ parameters = [] }: Operation, name: string): string {
  const parameter = parameters.find((candidate) => 'name' in candidate && candidate.name === name);
  const schema = parameter && 'schema' in parameter ? parameter.schema : undefined;
  return schema && 'example' in schema ? String(schema.example) : name;
}

/** A locale may be whatever language the operator has texts in. */
function listLanguages({ components }: OpenAPIObject, name: string, languages: readonly string[]): void {
  const schema = components?.schemas?.[name];
  const locale = schema && 'properties' in schema ? schema.properties?.['locale'] : undefined;
  if (locale && 'enum' in locale) locale.enum = [...languages];
}

/** Every schema of an object that a request body is made of. */
function* schemasIn(
  part: unknown,
  schemas: Record<string, Schema> | undefined,
): Generator<{ additionalProperties?: unknown }> {
  if (typeof part !== 'object' || part === null) return;
  const { $ref, type } = part as { $ref?: string; type?: string };
  if ($ref !== undefined) yield* schemasIn(schemas?.[$ref.split('/').at(-1) ?? ''], schemas);
  else if (type === 'object') yield part;
  for (const inner of Object.values(part)) yield* schemasIn(inner, schemas);
}
