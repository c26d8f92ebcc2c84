import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { NOW, readerOf, RECEIPT_SECRET as SECRET } from '../../../test/support/http-receipts.js';
import type { ReceiptRequest } from './sms-gateway.js';

describe('a receipt as a file describes it', () => {
  const file = (signedBy: string, more = ''): string => `
request: { form: { to: '{to}', text: '{text}' } }
answers: [{ outcome: accepted, id: id }]
receipts:
  signed: ${signedBy}
  id: [sms.id, id]
  status: [sms.status, status]
  reason: code
  delivered: [2, dlvrd]
  undelivered: { 3: expired, ERR_*: other, ERR_GONE: absent }
  steps: [0, 1]
  reasons: { 11: unknown_number }
${more}`;
  const body = Buffer.from('{"id":"a","status":2}');
  const request = (headers: Record<string, string>, more: Partial<ReceiptRequest> = {}): ReceiptRequest => ({
    headers,
    body,
    url: 'https://me.example/v1/delivery/http',
    ...more,
  });
  const hmac = (algorithm: string, encoding: 'hex' | 'base64', over: string) =>
    createHmac(algorithm, SECRET).update(over).digest(encoding);

  it.each([
    ['sha256 in hex', '{ by: hmac, header: X-Sig }', { 'x-sig': hmac('sha256', 'hex', String(body)) }],
    ['in capitals', '{ by: hmac, header: X-Sig }', { 'x-sig': hmac('sha256', 'hex', String(body)).toUpperCase() }],
    [
      'sha1 in base64',
      '{ by: hmac, header: X-Sig, algorithm: sha1, encoding: base64 }',
      { 'x-sig': hmac('sha1', 'base64', String(body)) },
    ],
    [
      'a prefix',
      `{ by: hmac, header: X-Sig, prefix: 'sha256=' }`,
      { 'x-sig': `sha256=${hmac('sha256', 'hex', String(body))}` },
    ],
    [
      'a time',
      `{ by: hmac, header: X-Sig, over: '{header:X-Time}.{body}', timestamp: X-Time }`,
      { 'x-time': String(NOW), 'x-sig': hmac('sha256', 'hex', `${NOW}.${String(body)}`) },
    ],
    [
      'the address',
      `{ by: hmac, header: X-Sig, over: '{url}{body}' }`,
      { 'x-sig': hmac('sha256', 'hex', `https://me.example/v1/delivery/http${String(body)}`) },
    ],
    ['a secret in a header', '{ by: secret, header: X-Key }', { 'x-key': SECRET }],
    [
      'a secret behind a word',
      `{ by: secret, header: Authorization, prefix: 'Bearer ' }`,
      { authorization: `Bearer ${SECRET}` },
    ],
    [
      'a user',
      '{ by: basic, user: sms }',
      { authorization: `Basic ${Buffer.from(`sms:${SECRET}`).toString('base64')}` },
    ],
  ])('is proved by %s, and by nothing less', (_, by, headers) => {
    const reader = readerOf({ file: file(by) });
    expect(reader.read(request(headers))).toMatchObject([{ state: 'delivered' }]);
    expect(reader.read(request({}))).toBe('forged');
    const last = Object.keys(headers).at(-1) ?? '';
    const spoilt = { ...headers, [last]: (headers as Record<string, string>)[last]?.slice(0, -1) ?? '' };
    expect(reader.read(request(spoilt))).toBe('forged');
    if (by.includes('hmac'))
      expect(reader.read(request(headers, { body: Buffer.from('{"id":"b","status":2}') }))).toBe('forged');
  });

  it('is not taken again when its time is over', () => {
    const by = `{ by: hmac, header: X-Sig, over: '{header:X-Time}.{body}', timestamp: X-Time }`;
    const headers = { 'x-time': String(NOW - 301), 'x-sig': hmac('sha256', 'hex', `${NOW - 301}.${String(body)}`) };
    expect(readerOf({ file: file(by) }).read(request(headers))).toBe('forged');
  });

  it('is proved by a secret in the address, or in the body', () => {
    const url = `https://me.example/v1/delivery/http?key=${encodeURIComponent(SECRET)}`;
    expect(readerOf({ file: file('{ by: secret, query: key }') }).read(request({}, { url }))).toHaveLength(1);
    const inBody = Buffer.from(JSON.stringify({ id: 'a', status: 2, key: SECRET }));
    expect(readerOf({ file: file('{ by: secret, body: key }') }).read(request({}, { body: inBody }))).toHaveLength(1);
    expect(readerOf({ file: file('{ by: secret, body: key }') }).read(request({}))).toBe('forged');
  });

  it('is proved by a secret at any path of the body, and by Basic in any letters', () => {
    const deep = Buffer.from(JSON.stringify({ id: 'a', status: 2, 'a.b': [{ key: SECRET }] }));
    expect(readerOf({ file: file('{ by: secret, body: /a.b/0/key }') }).read(request({}, { body: deep }))).toHaveLength(
      1,
    );
    const pair = Buffer.from(`sms:${SECRET}`).toString('base64');
    const basic = readerOf({ file: file('{ by: basic, user: sms }') });
    for (const scheme of ['basic', 'BASIC']) {
      expect(basic.read(request({ authorization: `${scheme} ${pair}` }))).toHaveLength(1);
    }
    expect(basic.read(request({ authorization: `Bearer ${pair}` }))).toBe('forged');
  });

  const read = (text: string, more = '', url = 'https://me.example/?id=q&status=2') =>
    readerOf({ file: file('{ by: secret, header: k }', more) }).read({
      headers: { k: SECRET },
      body: Buffer.from(text),
      url,
    });

  it.each([
    ['a code', '{"id":"a","status":"3"}', '', [{ state: 'undelivered', reason: 'expired' }]],
    ['a word that begins so', '{"id":"a","status":"err_x"}', '', [{ state: 'undelivered', reason: 'other' }]],
    [
      'a word that is listed itself',
      '{"id":"a","status":"ERR_GONE"}',
      '',
      [{ state: 'undelivered', reason: 'absent' }],
    ],
    [
      'a reason by its code',
      '{"id":"a","status":3,"code":11}',
      '',
      [{ state: 'undelivered', reason: 'unknown_number' }],
    ],
    ['a form', 'sms.id=x&id=a&status=dlvrd', '  format: form', [{ state: 'delivered', messageIds: ['a'] }]],
    ['parameters', '', '  format: query', [{ state: 'delivered', messageIds: ['q'] }]],
    ['a list', '{"r":[{"sms":{"id":1,"status":2}},{"id":2,"status":1}]}', '  list: r', [{ messageIds: ['1'] }]],
    ['a step', '{"id":"a","status":1}', '', []],
    ['a byte order mark', '\u{feff}{"id":"a","status":2}', '', [{ messageIds: ['a'] }]],
    ['one among others that are not understood', '[{"id":"b"},{"id":"a","status":2},7]', '', [{ messageIds: ['a'] }]],
  ])('says what it says: %s', (_, text, more, expected) => {
    expect(read(text, more)).toMatchObject(expected);
  });

  it.each([
    ['a word that is not listed, where the steps are', '{"id":"a","status":"else"}', ''],
    ['no list', '{"r":{}}', '  list: x'],
    ['several of which none can be understood', '[{"id":"a","status":"else"},{"id":"b"}]', ''],
    ['an id with a NUL', '{"id":"a\\u0000","status":2}', ''],
    ['more than a thousand', JSON.stringify(Array.from({ length: 1_001 }, () => ({ id: 'a', status: 2 }))), ''],
  ])('is malformed with %s', (_, text, more) => {
    expect(read(text, more)).toBe('malformed');
  });
});
