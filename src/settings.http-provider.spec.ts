import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigError, readConfig } from './config.js';

const KEY = `k:${Buffer.alloc(32, 1).toString('base64')}`;
const KEYS = { OTP_KEYS: KEY, CONTACT_KEYS: KEY, SMS_PROVIDERS: 'http' };

const FILE = `request:
  url: '{url}/send'
  basic: { user: '{user}', password: '{token}' }
  headers: { X-From: '{sender}' }
  form: { to: '{to}', text: '{text}', answer: '{callback}' }
answers:
  - { outcome: accepted, status: 2xx, id: id }
receipts:
  signed: { by: standard-webhooks }
  id: id
  status: status
  delivered: ok
  undelivered: no
`;
const WHOLE = {
  SMS_HTTP_URL: 'https://sms.example',
  SMS_HTTP_USER: 'login',
  SMS_HTTP_TOKEN: 'the-t0ken',
  SMS_HTTP_WEBHOOK_SECRET: 'whsec_c2VjcmV0LXNlY3JldA==',
  PUBLIC_URL: 'https://me.example',
};

describe('the file that describes a gateway', () => {
  let folder = '';
  let path = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'gateway-'));
    path = join(folder, 'gateway.yaml');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function faultsOf(settings: Record<string, string>, file: string | undefined = FILE): readonly string[] {
    if (file !== undefined) writeFileSync(path, file);
    try {
      readConfig({ ...KEYS, SMS_HTTP_TEMPLATE_FILE: path, ...settings });
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.faults;
      throw error;
    }
  }

  it('is read at the start', () => {
    writeFileSync(path, FILE);
    const { sms } = readConfig({ ...KEYS, ...WHOLE, SMS_HTTP_TEMPLATE_FILE: path });
    expect(sms.http?.gateway).toMatchObject({ deduplicates: false, receipts: { signed: { by: 'standard-webhooks' } } });
  });

  it('is refused by the file, the line, and what is wrong there, all of it', () => {
    const wrong = FILE.replace('2xx', '2yy').replace('basic', 'basics').replace('standard-webhooks', 'none');
    expect(faultsOf(WHOLE, wrong)).toEqual([
      expect.stringContaining(`SMS_HTTP_TEMPLATE_FILE: ${path}:3: request.basics is not known here`),
      expect.stringContaining(`SMS_HTTP_TEMPLATE_FILE: ${path}:7: answers[0].status must be`),
      expect.stringContaining(`SMS_HTTP_TEMPLATE_FILE: ${path}:9: receipts.signed.by must be one of`),
    ]);
  });

  it('is refused where it cannot be read', () => {
    const settings = { ...WHOLE, SMS_HTTP_TEMPLATE_FILE: join(folder, 'none.yaml') };
    expect(faultsOf(settings)).toEqual(['SMS_HTTP_TEMPLATE_FILE: the file cannot be read (ENOENT)']);
    expect(faultsOf({ ...WHOLE, SMS_HTTP_TEMPLATE_FILE: folder })).toEqual([
      'SMS_HTTP_TEMPLATE_FILE: the file cannot be read (EISDIR)',
    ]);
  });

  it('is not read where the provider is not used', () => {
    expect(
      readConfig({ ...KEYS, SMS_PROVIDERS: 'sandbox', SMS_HTTP_TEMPLATE_FILE: '/nowhere' }).sms.http,
    ).toBeUndefined();
  });

  it.each(Object.keys(WHOLE))('is refused without %s, which it uses', (name) => {
    const faults = faultsOf({ ...WHOLE, [name]: '' });
    expect(faults).toEqual([expect.stringMatching(new RegExp(`^${name}: is needed by the provider http: `))]);
  });

  it.each([
    ['SMS_SENDER', 'Shop\r\nX-Evil: 1', /^SMS_SENDER: has a line end/],
    ['SMS_HTTP_URL', 'https://sms.example/?a=b', /^SMS_HTTP_URL: must have no part behind a \?/],
    ['SMS_HTTP_URL', 'https://sms.example/#a', /^SMS_HTTP_URL: must have no part behind a #/],
    ['SMS_HTTP_URL', 'https://me:secret@sms.example/', /^SMS_HTTP_URL: must hold no user or password/],
    ['SMS_HTTP_WEBHOOK_SECRET', 'whsec_***', /^SMS_HTTP_WEBHOOK_SECRET: must be base64 behind whsec_/],
  ])('goes together with a usable %s', (name, value, fault) => {
    expect(faultsOf({ ...WHOLE, [name]: value })).toEqual([expect.stringMatching(fault)]);
  });

  it('needs PUBLIC_URL where receipts are signed with the address', () => {
    const signed = `{ by: hmac, header: X-Sig, over: '{url}{body}' }`;
    const file = FILE.replace('{ by: standard-webhooks }', signed).replace(`, answer: '{callback}'`, '');
    expect(faultsOf(WHOLE, file)).toEqual([]);
    expect(faultsOf({ ...WHOLE, PUBLIC_URL: '' }, file)).toEqual([
      expect.stringMatching(/^PUBLIC_URL: is needed by the provider http: .* signs receipts with \{url\}$/),
    ]);
  });

  it.each(['https://me.example/?a=b', 'https://me.example/#a', 'https://me:h1dden@me.example'])(
    'goes on after PUBLIC_URL, which is not %s',
    (url) => {
      const fault = 'PUBLIC_URL: must hold no user, password, query or fragment';
      expect(faultsOf({ ...WHOLE, PUBLIC_URL: url })).toEqual([fault]);
    },
  );

  it.each([
    ['standard-webhooks', 'whsec_', 16],
    ['basic, user: a', '', 18],
  ])('wants a secret in production that nobody guesses: by %s', (by, prefix, bytes) => {
    const file = FILE.replace('standard-webhooks', by);
    const secret = (length: number) => prefix + Buffer.alloc(length, 7).toString('base64');
    const inProduction = (length: number) =>
      faultsOf({ ...WHOLE, NODE_ENV: 'production', SMS_HTTP_WEBHOOK_SECRET: secret(length) }, file).filter((fault) =>
        fault.startsWith('SMS_HTTP_WEBHOOK_SECRET'),
      );
    expect(inProduction(bytes)).toEqual([]);
    expect(inProduction(bytes - 3)).toEqual([expect.stringMatching(/must have 24 characters, behind whsec_ 16 bytes/)]);
    expect(faultsOf({ ...WHOLE, SMS_HTTP_WEBHOOK_SECRET: secret(bytes - 3) }, file)).toEqual([]);
  });

  it('and its settings are never quoted in what is said', () => {
    const wrong = FILE.replace('{token}', 'h1dden{').replace('2xx', 'h1dden').replace('{callback}', '{h1dden}');
    const faults = faultsOf({ ...WHOLE, SMS_HTTP_URL: 'h1dden', SMS_HTTP_WEBHOOK_SECRET: 'whsec_h1dden!' }, wrong);
    expect(faults.length).toBeGreaterThan(2);
    expect(faults.join('\n')).not.toContain('h1dden');
  });

  it('may be left out: then the gateway speaks the JSON of the contract', () => {
    const { sms } = readConfig({ ...KEYS, SMS_HTTP_URL: WHOLE.SMS_HTTP_URL, SMS_HTTP_TOKEN: 'token' });
    expect(sms.http?.gateway).toMatchObject({ deduplicates: true });
    expect(faultsOf({ SMS_HTTP_TEMPLATE_FILE: '' })).toEqual([
      'SMS_HTTP_URL: is needed by the provider http',
      'SMS_HTTP_TOKEN: is needed by the provider http',
    ]);
    expect(faultsOf({ ...WHOLE, SMS_HTTP_TEMPLATE_FILE: '', SMS_HTTP_TOKEN: 'a\nb' })).toEqual([
      expect.stringMatching(/^SMS_HTTP_TOKEN: has a line end/),
    ]);
  });
});
