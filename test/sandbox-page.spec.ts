import { beforeAll, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { startService } from './support/service.js';

describe('the page of the sandbox', () => {
  const database = useDatabase();
  let url: string;
  beforeAll(async () => {
    ({ url } = await startService(database));
  });

  it.each([
    ['/sandbox', 'text/html; charset=utf-8'],
    ['/sandbox/', 'text/html; charset=utf-8'],
    ['/sandbox/phone.js', 'text/javascript; charset=utf-8'],
    ['/sandbox/phone.css', 'text/css; charset=utf-8'],
    ['/sandbox/icon.svg', 'image/svg+xml'],
  ])('is whole: %s', async (path, type) => {
    const { status, headers } = await fetch(url + path);
    expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([200, type, 'no-store']);
  });

  it('names nothing but its own files, holds nothing inline, and is allowed no more', async () => {
    const answer = await fetch(`${url}/sandbox`);
    const html = await answer.text();
    const named = Array.from(html.matchAll(/ (?:src|href)="([^"]+)"/g), ([, path]) => path?.split('?', 1)[0]);
    expect(new Set(named)).toEqual(
      new Set(['/sandbox', '/sandbox/phone.js', '/sandbox/phone.css', '/sandbox/icon.svg']),
    );
    expect(html).not.toMatch(/<style|<script(?! type="module" src=)|\sstyle=|\son\w+=|javascript:|\{\w+\}</i);
    const policy = (answer.headers.get('content-security-policy') ?? '').split('; ').sort();
    expect(policy).toEqual([
      ...[
        "base-uri 'none'",
        "connect-src 'self'",
        "default-src 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ],
      ...["img-src 'self'", "require-trusted-types-for 'script'", "script-src 'self'", "style-src 'self'"],
    ]);
    expect(answer.headers.get('x-frame-options')).toBe('DENY');
  });

  it.each([
    [undefined, '', 'ru'],
    ['en', '', 'en'],
    ['ru;q=0.5, en;q=0.9', '', 'en'],
    ['de', '', 'ru'],
    ['en', '?lang=ru', 'ru'],
    ['en', '?lang=ru&lang=en', 'en'],
    [undefined, '?lang=xx', 'ru'],
  ])('is for Accept-Language %s and %j in %s', async (accepted, query, language) => {
    const headers = accepted === undefined ? {} : { 'accept-language': accepted };
    const answer = await fetch(`${url}/sandbox${query}`, { headers });
    expect([answer.status, answer.headers.get('content-language')]).toEqual([200, language]);
    expect(await answer.text()).toContain(`<html lang="${language}">`);
  });
});
