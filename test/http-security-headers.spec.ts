import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { freePorts } from './support/kafka/server-properties.js';
import { lines, rawRequest } from './support/raw-request.js';
import { startService, type TestService } from './support/service.js';

const NOTHING = "default-src 'none'; frame-ancestors 'none'";
const HOST = 'Host: localhost';

describe('what every answer tells a browser', () => {
  const database = useDatabase();
  let service: TestService;
  let metrics: string;
  beforeAll(async () => {
    const [port] = await freePorts();
    metrics = `http://127.0.0.1:${port}`;
    service = await startService(database, { METRICS_PORT: String(port) });
  });

  function expectHeaders(headers: ReadonlyMap<string, string> | Headers, policy = NOTHING): void {
    const named = (name: string) => headers.get(name) ?? undefined;
    expect({
      policy: named('content-security-policy'),
      sniffing: named('x-content-type-options'),
      frames: named('x-frame-options'),
      referrer: named('referrer-policy'),
      resources: named('cross-origin-resource-policy'),
      server: named('server'),
      poweredBy: named('x-powered-by'),
      transport: named('strict-transport-security'),
    }).toEqual({
      policy,
      sniffing: 'nosniff',
      frames: 'DENY',
      referrer: 'no-referrer',
      resources: 'same-origin',
    });
  }

  it.each<[number, string, string, string]>([
    [200, 'GET', '/health/live', ''],
    [200, 'GET', '/health/ready', ''],
    [200, 'GET', '/v1/agreement', ''],
    [200, 'HEAD', '/v1/agreement', ''],
    [200, 'GET', '/docs-json', ''],
    [200, 'GET', '/docs/swagger-ui.css', ''],
    [200, 'GET', '/sandbox/messages?phone=%2B79161234567', ''],
    [204, 'OPTIONS', '/v1/agreement', ''],
    [400, 'POST', '/v1/agreement', '{'],
    [404, 'GET', '/nowhere', ''],
    [404, 'GET', '/docs/nowhere', ''],
    [404, 'GET', '/v1/agreement/unknown', ''],
    [405, 'PUT', '/v1/agreement', ''],
    [413, 'POST', '/v1/agreement', 'x'.repeat(20_000)],
    [422, 'POST', '/v1/agreement', '{}'],
  ])('to show it nowhere: %i for %s %s', async (status, method, path, body) => {
    const headers = body === '' ? {} : { 'content-type': 'application/json' };
    const answer = await fetch(service.url + path, { method, headers, ...(body === '' ? {} : { body }) });
    await answer.arrayBuffer();
    expect(answer.status).toBe(status);
    expectHeaders(answer.headers);
  });

  it.each<[number, string, string]>([
    [400, 'what is no HTTP', 'garbage\r\n\r\n'],
    [400, 'a request without Host', lines('GET /v1/agreement HTTP/1.1')],
    [400, 'CONNECT', lines('CONNECT localhost:80 HTTP/1.1', HOST)],
    [403, 'a foreign Host', lines('GET /v1/agreement HTTP/1.1', 'Host: evil.example')],
    [417, 'an unknown expectation', lines('GET /v1/agreement HTTP/1.1', HOST, 'Expect: x')],
    [431, 'too long a header', lines('GET / HTTP/1.1', HOST, `X: ${'a'.repeat(20_000)}`)],
  ])('to show it nowhere: %i for %s', async (status, _, bytes) => {
    const answer = await rawRequest(service.url, bytes);
    expect(answer.status).toBe(status);
    expectHeaders(answer.headers);
  });

  it.each<[number, string]>([
    [200, '/metrics'],
    [200, '/health/live'],
    [404, '/nowhere'],
  ])('to show it nowhere: %i for %s of the port of the metrics', async (status, path) => {
    const answer = await fetch(metrics + path);
    await answer.text();
    expect(answer.status).toBe(status);
    expectHeaders(answer.headers);
    expectHeaders((await rawRequest(metrics, 'garbage\r\n\r\n')).headers);
  });

  describe.each(['/docs', '/docs/'])('the page %s', (path) => {
    let html: string;
    let policy: Map<string, string[]>;
    const page = () => service.url + path;
    beforeAll(async () => {
      const answer = await fetch(page());
      html = await answer.text();
      const header = answer.headers.get('content-security-policy') ?? '';
      expectHeaders(answer.headers, header);
      policy = policyOf(header);
    });

    it('runs no inline script but by its hash, and evaluates nothing', () => {
      const scripts = Array.from(
        html.matchAll(/<script(?![^>]*\bsrc=)[^>]*>([\s\S]*?)<\/script>/g),
        ([, code]) => code,
      );
      for (const code of scripts) expect(policy.get('script-src')).toContain(`'sha256-${sha256(code ?? '')}'`);
      expect(html).not.toMatch(/<[^>]+\son[a-z]+\s*=|javascript:/i);
      expect(policy.get('script-src')).not.toContain("'unsafe-inline'");
      expect(policy.get('script-src')).not.toContain("'unsafe-eval'");
      expect(policy.get('default-src')).toEqual(["'none'"]);
    });

    it('may not be framed, sends no form and changes no base', () => {
      for (const directive of ['frame-ancestors', 'form-action', 'base-uri']) {
        expect(policy.get(directive)).toEqual(["'none'"]);
      }
    });

    it('finds everything that it names, and its policy lets it', async () => {
      const named = [
        ...attributes(html, /<script[^>]+src=["']([^"']+)/g).map((url) => ['script-src', url] as const),
        ...attributes(html, /<link[^>]+stylesheet[^>]+href=["']([^"']+)/g).map((url) => ['style-src', url] as const),
        ...attributes(html, /<link[^>]+icon[^>]+href=["']([^"']+)/g).map((url) => ['img-src', url] as const),
        ...attributes(html, /<img[^>]+src=["']([^"']+)/g).map((url) => ['img-src', url] as const),
      ];
      expect(named.map(([directive]) => directive)).toEqual(
        expect.arrayContaining(['script-src', 'style-src', 'img-src']),
      );
      for (const [directive, url] of named) {
        expect(allows(policy, directive, new URL(url, page()))).toBe(true);
        const file = await fetch(new URL(url, page()));
        expect([file.status, (await file.arrayBuffer()).byteLength > 0]).toEqual([200, true]);
      }
      if (html.includes('<style')) expect(policy.get('style-src')).toContain("'unsafe-inline'");
    });

    it('shows pictures of its style sheet, and calls the servers that the document names', async () => {
      const css = await (await fetch(`${service.url}/docs/swagger-ui.css`)).text();
      for (const url of attributes(css, /url\(["']?([^"')]+)/g)) {
        expect(allows(policy, 'img-src', new URL(url, page()))).toBe(true);
      }
      const { servers } = (await (await fetch(`${service.url}/docs-json`)).json()) as { servers: { url: string }[] };
      for (const { url } of servers) expect(allows(policy, 'connect-src', new URL(url, page()))).toBe(true);
    });

    it('asks nobody else for anything', async () => {
      const init = await (await fetch(`${service.url}/docs/swagger-ui-init.js`)).text();
      expect(/"validatorUrl":\s*(\S+)/.exec(init)?.[1]).toBe('null');
      for (const sources of policy.values()) {
        for (const source of sources) expect(source).toMatch(/^'(none|self|unsafe-inline|sha256-.+)'$|^data:$/);
      }
    });
  });
});

function policyOf(header: string): Map<string, string[]> {
  return new Map(
    header.split(';').map((directive) => {
      const [name = '', ...sources] = directive.trim().split(/\s+/);
      return [name, sources];
    }),
  );
}

/** As far as these policies go: 'self' and schemes. */
function allows(policy: ReadonlyMap<string, string[]>, directive: string, url: URL): boolean {
  const sources = policy.get(directive) ?? policy.get('default-src') ?? [];
  const isOwn = url.hostname === '127.0.0.1';
  return sources.some((source) => (source === "'self'" ? isOwn : source === url.protocol));
}

function attributes(text: string, pattern: RegExp): string[] {
  return Array.from(text.matchAll(pattern), ([, value]) => value ?? '');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
