import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { contractGateway } from './contract-gateway.js';
import { readGateway } from './gateway-file.js';

const SOUND = `deduplicates: false
request:
  method: POST
  url: '{url}/messages'
  headers:
    X-Key: '{token}'
  json: { to: '{to}', text: '{text}' }
answers:
  - outcome: accepted
    status: 2xx
    id: id
receipts:
  signed: { by: hmac, header: X-Signature }
  id: id
  status: status
  delivered: [ok]
  undelivered: [no]
`;

const faultsOf = (text: string): readonly { line: number; message: string }[] => {
  const read = readGateway(text);
  return 'faults' in read ? read.faults : [];
};

/** The sound file with one thing in it made otherwise. */
const otherwise = (right: string, wrong: string): string => {
  expect(SOUND).toContain(right);
  return SOUND.replace(right, wrong);
};

describe('the description of a gateway', () => {
  it('is read', () => {
    const read = readGateway(SOUND);
    expect(read).toMatchObject({ gateway: { deduplicates: false, request: { method: 'POST' } } });
    expect('uses' in read && [...read.uses].sort()).toEqual(['text', 'to', 'token', 'url']);
  });

  it('may be JSON', () => {
    const asJson = JSON.stringify({
      request: { url: 'https://sms.example/send', form: { to: '{to_digits}', text: '{text}' } },
      answers: [{ outcome: 'accepted', text: '^OK', id: { text: '^OK:(\\d+)' } }],
    });
    expect(readGateway(asJson)).toMatchObject({ gateway: { request: { origin: 'https://sms.example' } } });
  });

  it('of the contract is one of them', () => {
    expect(contractGateway().gateway).toMatchObject({
      deduplicates: true,
      receipts: { signed: { by: 'standard-webhooks' } },
    });
  });

  it.each<[string, string, string, number, RegExp]>([
    ['an unknown key', 'method: POST', 'methd: POST', 3, /^request\.methd is not known here; known are method, url/],
    ['an unknown key at the top', 'deduplicates: false', 'dedupe: false', 1, /^dedupe is not known here/],
    ['a wrong word', 'POST', 'FETCH', 3, /^request\.method must be one of POST, GET, PUT$/],
    ['a wrong type', 'deduplicates: false', 'deduplicates: maybe', 1, /^deduplicates must be true or false$/],
    [
      'a list for a mapping',
      `headers:\n    X-Key: '{token}'`,
      'headers: [a]',
      5,
      /^request\.headers must be a mapping/,
    ],
    [
      'an unknown placeholder',
      '{token}',
      '{secret}',
      6,
      /^request\.headers\.X-Key has a placeholder that is not known/,
    ],
    ['an unknown placeholder in JSON', '{text}', '{message}', 7, /^request\.json has a placeholder that is not known/],
    ['{url} elsewhere', '{token}', '{url}', 6, /\{url\} stands at the beginning of request\.url/],
    ['braces without quotes', `to: '{to}'`, 'to: {to}', 7, /key without a value; put what has braces in quotes/],
    ['a header without quotes', `'{token}'`, '{token}', 6, /must be a text; put what has braces in quotes/],
    ['a placeholder in the host', '{url}/messages', 'https://{to}.example/', 4, /placeholder in its host or port/],
    ['a placeholder as the scheme', '{url}/messages', '{token}://sms.example', 4, /must begin with \{url\}, https/],
    ['a host that goes on', '{url}/messages', '{url}.example/', 4, /must go on after \{url\} with \/ or \?/],
    ['a user in the address', '{url}/messages', 'https://a:b@sms.example/', 4, /must hold no user or password/],
    ['no host', '{url}/messages', 'https:///send', 4, /has no host/],
    ['another scheme', '{url}/messages', 'ftp://sms.example/', 4, /must begin with \{url\}, https/],
    ['a fragment', '{url}/messages', '{url}/a#b', 4, /no part behind a #/],
    ['a space in the address', '{url}/messages', '{url}/a b', 4, /no spaces or control characters/],
    ['a placeholder in the name of a header', 'X-Key', 'X-{to}', 6, /is no name of a header/],
    ['a header of the connection', 'X-Key', 'Host', 6, /is written by the service itself/],
    ['a text in a header', '{token}', '{text}', 6, /cannot hold \{text\}/],
    ['a line end in a header', `'{token}'`, '"a\\r\\nX-Other: b"', 6, /line end or another character/],
    ['a placeholder in a key of JSON', `to: '{to}'`, `'{to}': a, to: '{to}'`, 7, /placeholder in a key/],
    ['nobody to send to', '{to}', '41', 3, /^request uses neither \{to\} nor \{to_digits\}$/],
    ['no text', '{text}', 'hello', 3, /^request does not use \{text\}$/],
    ['GET with a body', 'POST', 'GET', 7, /^request\.json cannot be sent by GET; use query$/],
    ['a repeat that it could not know', 'deduplicates: false', 'deduplicates: true', 1, /does not use \{id\}/],
    [
      'an outcome that is none',
      'outcome: accepted',
      'outcome: ok',
      9,
      /^answers\[0\]\.outcome must be one of accepted/,
    ],
    ['nothing accepted', 'outcome: accepted', 'outcome: refused', 8, /says of no answer that the text was accepted/],
    ['a status out of range', '2xx', '99', 10, /^answers\[0\]\.status must be a status such as 200/],
    ['a range the wrong way', '2xx', '299-200', 10, /^answers\[0\]\.status must be a status/],
    ['a class that there is not', '2xx', '9xx', 10, /^answers\[0\]\.status must be a status/],
    ['no id', '    id: id\n', '', 9, /^answers\[0\]\.id is missing/],
    ['a path with nothing in it', '    id: id\n', '    id: a..b\n', 11, /must be a path such as messages\.0\.id/],
    [
      'a wrong pattern',
      '    id: id\n',
      `    id: { text: '(a' }\n`,
      11,
      /^answers\[0\]\.id\.text is a pattern that cannot be used/,
    ],
    ['a pattern that looks back', 'status: 2xx', `text: '(a)\\1'`, 10, /is a pattern that cannot be used/],
    [
      'a matcher that says nothing',
      'status: 2xx',
      'body: { a: {} }',
      10,
      /must hold one of matches, not, from, to, present/,
    ],
    ['two matchers', 'status: 2xx', 'body: { a: { not: b, present: true } }', 10, /must hold one of/],
    ['a number that is none', 'status: 2xx', 'body: { a: { from: b } }', 10, /\.from must be a number/],
    ['null for a value', 'status: 2xx', 'body: { a: }', 10, /has no value; what must not be there/],
    ['unsigned receipts', '  signed: { by: hmac, header: X-Signature }\n', '', 13, /^receipts\.signed is missing/],
    [
      'receipts signed by nothing',
      'by: hmac',
      'by: none',
      13,
      /^receipts\.signed\.by must be one of standard-webhooks/,
    ],
    ['a signature nowhere', ', header: X-Signature', '', 13, /^receipts\.signed\.header is missing/],
    ['a weak hash', 'by: hmac', 'by: hmac, algorithm: md5', 13, /algorithm must be one of sha256, sha512, sha1/],
    ['a signature of something else', 'by: hmac', 'by: hmac, over: "{header:x}"', 13, /over must hold \{body\}/],
    ['a time that is not signed', 'by: hmac', 'by: hmac, timestamp: X-Time', 13, /is not signed/],
    ['a receipt without a status', '  status: status\n', '', 13, /^receipts\.status is missing/],
    ['a word that means both', '[no]', '[ok]', 16, /must have no word in common/],
    ['a reason that is none', '[no]', '{ no: because }', 17, /^receipts\.undelivered\.no must be one of absent/],
    ['a key twice', 'method: POST', 'url: a', 4, /^this key stands twice$/],
    ['broken YAML', '  id: id\n  status', '  id: [id\n  status', 15, /not the YAML expected here/],
    ['an alias', `'{token}'`, '*token', 6, /must be a text/],
  ])('is refused by its line where it has %s', (_, right, wrong, line, message) => {
    const faults = faultsOf(otherwise(right, wrong));
    expect(faults).toContainEqual({ line, message: expect.stringMatching(message) });
  });

  it('is refused as a whole: every fault is named, in the order of the lines', () => {
    const text = otherwise('POST', 'FETCH').replace('2xx', '999').replace('by: hmac', 'by: none');
    expect(faultsOf(text).map(({ line }) => line)).toEqual([3, 10, 13]);
  });

  it.each([
    ['nothing', '', 1],
    ['a list', '- a\n', 1],
    ['a text', 'hello', 1],
    ['no section at all', '{}', 1],
    ['100,000 brackets', '['.repeat(100_000), 1],
    ['300,000 characters', '#'.repeat(300_000), 1],
  ])('is refused where the file holds %s', (_, text, line) => {
    expect(faultsOf(text)[0]).toMatchObject({ line });
  });

  it('is refused without a value of it in what is said', () => {
    const secrets = ['s3cr3t-value', 'other-s3cr3t'];
    for (const key of ['method', 'url', 'basic', 'json', 'form', 'headers', 'query']) {
      const text = `request:\n  ${key}: ${secrets[0]}\nanswers: ${secrets[1]}\nreceipts: ${secrets[0]}\n`;
      expect(JSON.stringify(faultsOf(text))).not.toMatch(/s3cr3t/);
    }
  });

  it('never fails otherwise, whatever the file holds', () => {
    const piece = fc.constantFrom(
      ...SOUND.split(/(?<=[\n{}[\],: '])/),
      '- ',
      '&a ',
      '*a',
      '? ',
      '|\n',
      '!!map ',
      '<<: ',
      '"',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const read = readGateway(pieces.join(''));
        expect('gateway' in read || read.faults.length > 0).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
