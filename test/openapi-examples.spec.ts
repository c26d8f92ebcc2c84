import { beforeAll, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { documented, DocumentedApi, invalidExamples } from './support/documented-api.js';
import { startService } from './support/service.js';

interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly example?: unknown;
  readonly default?: unknown;
  readonly properties?: Record<string, Schema>;
}

/** What Swagger UI writes into the form of a body or a field. */
function exampleOf(schema: Schema): unknown {
  const { $ref, allOf, example, properties } = schema;
  if (example !== undefined) return example;
  if ($ref !== undefined) return exampleOf(documented.components.schemas[$ref.split('/').at(-1) ?? ''] as Schema);
  if (allOf?.[0]) return exampleOf(allOf[0]);
  if (!properties) return schema.default;
  const fields = Object.entries(properties).map(([name, field]) => [name, exampleOf(field)] as const);
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

describe('the examples of docs/openapi.json', () => {
  const database = useDatabase();
  let api: DocumentedApi;
  beforeAll(async () => {
    api = new DocumentedApi((await startService(database, { OTP_RESEND_INTERVAL: '0' })).url);
  });
  const body = (path: string): any =>
    exampleOf(documented.paths[path]?.['post']?.requestBody?.content['application/json']?.schema ?? {});
  const query = (path: string): string => {
    const parameters = documented.paths[path]?.['get']?.parameters ?? [];
    const given = parameters.map(({ name, schema }) => [name, exampleOf(schema ?? {})] as const);
    const pairs = given
      .filter(([, value]) => value !== undefined)
      .map(([name, value]): [string, string] => [String(name), String(value)]);
    return new URLSearchParams(pairs).toString();
  };

  it('fit their schemas', () => {
    expect(invalidExamples()).toEqual([]);
  });

  it('work as they stand, one call after the other', async () => {
    const created = await api.post('/v1/agreement', body('/v1/agreement'));
    expect([created.status, created.body['errors']]).toEqual([201, undefined]);
    const { reference } = created.body as { reference: string };
    expect(created.body).toMatchObject({
      metadata: body('/v1/agreement').metadata,
      document: body('/v1/agreement').document,
    });

    const listed = await api.get(`/v1/agreement?${query('/v1/agreement')}`);
    expect(listed.body['items']).toMatchObject([{ reference }]);
    const phone = decodeURIComponent(query('/sandbox/messages').split('=')[1] ?? '');
    const code = await api.codeSentTo(phone);
    await api.until(reference, { delivery: 'sent' });
    const agreement = { reference, phone, code };

    const wrong = await api.post(`/v1/agreement/${reference}`, body('/v1/agreement/{reference}'));
    expect(wrong).toMatchObject({ status: 422, body: { code: 'code_invalid' } });
    await api.resendAndAwaitCode(agreement);
    const resent = await api.post(`/v1/agreement/${reference}/resend`, body('/v1/agreement/{reference}/resend') ?? {});
    expect(resent.status).toBe(202);
    const reason = body('/v1/agreement/{reference}/cancel');
    const cancelled = await api.post(`/v1/agreement/${reference}/cancel`, reason);
    expect(cancelled).toMatchObject({ status: 200, body: { close_reason: reason.reason } });
  });

  it('are served with the document by Swagger UI', async () => {
    const served = await fetch(`${api.url}/docs-json`);
    expect(await served.json()).toEqual(documented);
    const page = await fetch(`${api.url}/docs`);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringMatching('^text/html')]);
    expect(await page.text()).toContain('swagger-ui');
    for (const asset of ['swagger-ui-bundle.js', 'swagger-ui.css', 'swagger-ui-init.js']) {
      expect((await fetch(`${api.url}/docs/${asset}`)).status).toBe(200);
    }
  });
});
