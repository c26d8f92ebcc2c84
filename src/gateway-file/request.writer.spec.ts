import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readGateway } from './gateway-file.js';
import { addressOf, UnfitValue, writeRequest, type WrittenRequest } from './request.writer.js';
import type { Values } from './template.js';

const VALUES: Values = {
  id: '019aa3b2-5c27-7a10-8b3c-1d2e3f405162',
  to: '+79161234567',
  to_digits: '79161234567',
  to_number: '79161234567',
  text: '042137 - код "согласия" & всё',
  sender: 'Shop & Co',
  user: 'login',
  token: 't0ken',
  webhook_secret: 'wh',
  callback: 'https://me.example/v1/delivery/http',
};

/** What is sent for a section `request`. */
function written(request: string, values: Partial<Values> = {}, url = 'https://sms.example/api/'): WrittenRequest {
  const text = `request:\n${request.replace(/^/gm, '  ')}\nanswers: [{ outcome: accepted, id: none }]`;
  const read = readGateway(text);
  if ('faults' in read) throw new Error(JSON.stringify(read.faults));
  const { path } = addressOf(read.gateway.request, url);
  return writeRequest(read.gateway.request, path, { ...VALUES, ...values });
}

describe('a request to a gateway', () => {
  it('by GET has its values percent-encoded in the query', () => {
    const { method, target, body } = written(
      `method: GET\nurl: '{url}/send.php?login=me&psw={token}'\nquery: { phones: '{to}', mes: '{text}', 's[]': '{sender}' }`,
    );
    expect({ method, body }).toEqual({ method: 'GET', body: null });
    expect(target).toMatch(/^\/api\/send\.php\?login=me&psw=t0ken&phones=%2B79161234567&mes=042137%20-%20%D0%BA/);
    const sent = new URL(target, 'https://sms.example').searchParams;
    expect([sent.get('mes'), sent.get('s[]')]).toEqual([VALUES.text, 'Shop & Co']);
  });

  it('has its values percent-encoded in the path', () => {
    expect(written(`url: '{url}/a/{to}/{sender}'\nform: { t: '{text}' }`).target).toBe(
      '/api/a/%2B79161234567/Shop%20%26%20Co',
    );
    expect(written(`url: '{url}/путь'\nform: { t: '{text}', to: '{to}' }`).target).toBe(
      '/api/%D0%BF%D1%83%D1%82%D1%8C',
    );
  });

  it.each([
    ['', 'https://sms.example', '/'],
    ['', 'https://sms.example/send', '/send'],
    ['', 'https://sms.example/send?a=b', '/send?a=b'],
    [`url: '{url}/x'`, 'https://sms.example', '/x'],
    [`url: '{url}?x=1'`, 'https://sms.example/send', '/send?x=1'],
    [`url: '{url}?x=1'`, 'https://sms.example', '/?x=1'],
    [`url: https://other.example/y`, 'https://sms.example', '/y'],
    [`url: http://other.example:8080?z`, 'https://sms.example', '/?z'],
  ])('goes where %j and SMS_HTTP_URL=%s say', (request, url, target) => {
    expect(written(`${request}\nform: { t: '{text}', to: '{to}' }`, {}, url).target).toBe(target);
  });

  it('holds values as values of JSON: nothing in them ends them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), (text, sender) => {
        fc.pre(!(text + sender).includes('\0'));
        const { body } = written(`json: { a: ['{text}', { b: '<{sender}>' }], to: '{to}' }`, { text, sender });
        expect(JSON.parse(body ?? '')).toEqual({ a: [text, { b: `<${sender}>` }], to: VALUES.to });
      }),
    );
  });

  it('holds what the file says as it says it: numbers, true, null, braces', () => {
    const { body, headers } = written(
      `json: { n: 1, ok: true, no: null, to: '{to_number}', s: '{{x}} {text}', deep: [[]] }`,
    );
    expect(JSON.parse(body ?? '')).toEqual({
      n: 1,
      ok: true,
      no: null,
      to: 79161234567,
      s: `{x} ${VALUES.text ?? ''}`,
      deep: [[]],
    });
    expect(headers['content-type']).toBe('application/json');
  });

  it('has a form with every value encoded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        fc.pre(!text.includes('\0'));
        const { body, headers } = written(`form: { 'to[]': '{to}', msg: '{text}', fixed: 'a=b&c' }`, { text });
        expect([...new URLSearchParams(body ?? '')]).toEqual([
          ['to[]', VALUES.to],
          ['msg', text],
          ['fixed', 'a=b&c'],
        ]);
        expect(headers['content-type']).toBe('application/x-www-form-urlencoded');
      }),
    );
  });

  it('proves who we are by a header, or by user and password', () => {
    const form = `form: { t: '{text}', to: '{to}' }`;
    expect(written(`headers: { Authorization: 'App {token}' }\n${form}`).headers).toMatchObject({
      authorization: 'App t0ken',
    });
    const basic = written(`basic: { user: '{user}', password: '{token}' }\n${form}`).headers['authorization'];
    expect(basic).toBe(`Basic ${Buffer.from('login:t0ken').toString('base64')}`);
  });

  it('says what we are, unless the file says it', () => {
    const form = `form: { t: '{text}', to: '{to}' }`;
    expect(written(form).headers['user-agent']).toBe('agreement-service');
    expect(written(`headers: { User-Agent: 'shop' }\n${form}`).headers['user-agent']).toBe('shop');
  });

  it('leaves a parameter out that is of a setting which is not there, and writes null for it in JSON', () => {
    const none = { sender: null };
    expect(written(`form: { t: '{text}', to: '{to}', from: '{sender}' }`, none).body).not.toContain('from');
    expect(written(`method: GET\nquery: { t: '{text}', to: '{to}', from: '{sender}' }`, none).target).not.toContain(
      'from',
    );
    const headers = written(`headers: { X-From: '{sender}' }\nform: { t: '{text}', to: '{to}' }`, none).headers;
    expect(headers).not.toHaveProperty('x-from');
    expect(JSON.parse(written(`json: { t: '{text}', to: '{to}', from: '{sender}' }`, none).body ?? '')).toMatchObject({
      from: null,
    });
  });

  it.each([
    [
      'CR and LF in a header',
      `headers: { X-From: '{sender}' }\nform: { t: '{text}', to: '{to}' }`,
      { sender: 'Shop\r\nX-Evil: 1' },
    ],
    ['LF alone in a header', `headers: { X-Id: 'a-{id}' }\nform: { t: '{text}', to: '{to}' }`, { id: 'a\nb' }],
    [
      'Cyrillic in a header',
      `headers: { X-From: '{sender}' }\nform: { t: '{text}', to: '{to}' }`,
      { sender: 'Магазин' },
    ],
    ['a NUL', `form: { t: '{text}', to: '{to}' }`, { text: 'a\0b' }],
    ['a dot segment in the path', `url: '{url}/{sender}/x'\nform: { t: '{text}', to: '{to}' }`, { sender: '..' }],
  ])('is not made with %s, and what is said of it does not hold the value', (_, request, values) => {
    expect(() => written(request, values)).toThrow(UnfitValue);
    expect(() => written(request, values)).not.toThrow(/Evil|a\nb|Магазин/);
  });

  it('stays in its path and its query whatever the values are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (sender) => {
        fc.pre(!sender.includes('\0') && !/^\.{1,2}$/.test(sender));
        const { target } = written(`url: '{url}/a/{sender}/b?q={sender}'\nform: { t: '{text}', to: '{to}' }`, {
          sender,
        });
        const url = new URL(target, 'https://sms.example');
        expect(target).toMatch(/^[\x21-\x7e]+$/);
        expect([url.host, url.hash, url.pathname.split('/').length]).toEqual(['sms.example', '', 5]);
        expect(url.searchParams.get('q')).toBe(sender.toWellFormed());
      }),
    );
  });
});
