import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type GatewayAnswer, judge, type Verdict } from './answer.judge.js';
import { contractGateway } from './contract-gateway.js';
import { readGateway } from './gateway-file.js';

const NOW = Date.parse('2026-11-21T10:00:00Z');

const answer = (status: number, body: unknown = '', headers: Record<string, string> = {}): GatewayAnswer => ({
  status,
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  complete: true,
});

/** What an answer means by rules. */
function verdict(rules: string, given: GatewayAnswer): Verdict {
  const text = `request: { form: { to: '{to}', text: '{text}' } }\nanswers:\n${rules.trim().replace(/^/gm, '  ')}\n`;
  const read = readGateway(`${text}  - { outcome: accepted, status: 299, id: none }`);
  if ('faults' in read) throw new Error(JSON.stringify(read.faults));
  return judge(read.gateway, given, NOW);
}

const CODES = `
- { outcome: accepted, status: 200, body: { messages.0.status: 0 }, id: messages.0.message-id }
- { outcome: try_later, status: 200, body: { messages.0.status: [1, 5] }, reason: messages.0.status, retry_after: 7 }
- { outcome: refused, status: 200, body: { messages.0.status: { from: 2, to: 99 } }, reason: messages.0.error-text }
`;

describe('the answer of a gateway', () => {
  it.each<[string, string, GatewayAnswer, Verdict]>([
    [
      'a code in the body',
      CODES,
      answer(200, { messages: [{ status: '0', 'message-id': 'A1' }] }),
      { kind: 'accepted', messageId: 'A1' },
    ],
    [
      'a code that is a number',
      CODES,
      answer(200, { messages: [{ status: 0, 'message-id': 17 }] }),
      { kind: 'accepted', messageId: '17' },
    ],
    [
      'another code',
      CODES,
      answer(200, { messages: [{ status: '1' }] }),
      { kind: 'try_later', reason: 'http_200:1', retryAfter: 7_000 },
    ],
    [
      'a code in a range',
      CODES,
      answer(200, { messages: [{ status: '6', 'error-text': 'Barred' }] }),
      { kind: 'refused', reason: 'http_200:Barred' },
    ],
    [
      'a code of which nothing is said',
      CODES,
      answer(200, { messages: [{ status: '100' }] }),
      { kind: 'unknown', reason: 'http_200' },
    ],
    ['a body that is no JSON', CODES, answer(200, '<html>'), { kind: 'unknown', reason: 'http_200' }],
    [
      'a status of which nothing is said',
      CODES,
      answer(403, { messages: [{ status: '0' }] }),
      { kind: 'refused', reason: 'http_403' },
    ],
    [
      '503',
      CODES,
      answer(503, '', { 'retry-after': '3' }),
      { kind: 'try_later', reason: 'http_503', retryAfter: 3_000 },
    ],
    [
      'a redirect',
      CODES,
      answer(307, '', { location: 'https://evil.example' }),
      { kind: 'refused', reason: 'http_307' },
    ],
    [
      'plain text',
      `- { outcome: accepted, text: '^OK:', id: { text: '^OK:(\\d+)' } }`,
      answer(200, 'OK:12345\r\n'),
      { kind: 'accepted', messageId: '12345' },
    ],
    [
      'XML',
      `- { outcome: accepted, text: '<ok/>', id: { text: '<id>([^<]+)</id>' } }`,
      answer(200, '<r><ok/><id>x-1</id></r>'),
      { kind: 'accepted', messageId: 'x-1' },
    ],
    [
      'a form',
      `- { outcome: accepted, body: { status: 0 }, id: id }`,
      answer(200, 'status=0&id=9', { 'content-type': 'application/x-www-form-urlencoded' }),
      { kind: 'accepted', messageId: '9' },
    ],
    [
      'an id in a header',
      `- { outcome: accepted, status: 201, id: { header: Location, pattern: '([^/]+)$' } }`,
      answer(201, '', { location: '/sms/77' }),
      { kind: 'accepted', messageId: '77' },
    ],
    [
      'a key that is the number',
      `- { outcome: accepted, body: { sms.*.code: 100 }, id: sms.*.id }`,
      answer(200, { sms: { '79161234567': { code: 100, id: 'z' } } }),
      { kind: 'accepted', messageId: 'z' },
    ],
    [
      'a key with dots',
      `- { outcome: accepted, body: { '/a.b/0': yes! }, id: /a.b/1 }`,
      answer(200, { 'a.b': ['yes!', 'i'] }),
      { kind: 'accepted', messageId: 'i' },
    ],
    [
      'true',
      `- { outcome: accepted, body: { success: true }, id: data.id }`,
      answer(200, { success: true, data: { id: 5 } }),
      { kind: 'accepted', messageId: '5' },
    ],
    [
      'a list at the top',
      `- { outcome: accepted, body: { 0.ok: true }, id: 0.id }`,
      answer(200, [{ ok: true, id: 6 }]),
      { kind: 'accepted', messageId: '6' },
    ],
    [
      'an id of 19 digits',
      `- { outcome: accepted, id: id }`,
      answer(200, '{"id": 1234567890123456789}'),
      { kind: 'accepted', messageId: '1234567890123456789' },
    ],
    ['an empty id', `- { outcome: accepted, id: id }`, answer(200, { id: '' }), { kind: 'accepted', messageId: null }],
    [
      'an id that is an object',
      `- { outcome: accepted, id: id }`,
      answer(200, { id: { a: 1 } }),
      { kind: 'accepted', messageId: null },
    ],
    [
      'no error',
      `- { outcome: accepted, body: { error: { present: false } }, id: none }`,
      answer(200, { error: null }),
      { kind: 'accepted', messageId: null },
    ],
    [
      'not an error',
      `- { outcome: accepted, body: { status: { not: [error, failed] } }, id: none }`,
      answer(200, { status: 'fine' }),
      { kind: 'accepted', messageId: null },
    ],
    [
      'what matches',
      `- { outcome: accepted, body: { s: { matches: '^(ok|queued)$' } }, id: none }`,
      answer(200, { s: 'queued' }),
      { kind: 'accepted', messageId: null },
    ],
    [
      'a header',
      `- { outcome: refused, headers: { X-Error: { present: true } }, reason: { header: X-Error } }`,
      answer(200, '', { 'x-error': 'no_money' }),
      { kind: 'refused', reason: 'http_200:no_money' },
    ],
    [
      '500 that may have sent',
      `- { outcome: unknown, status: [500, 502-504] }`,
      answer(502),
      { kind: 'unknown', reason: 'http_502' },
    ],
    [
      'seconds in the body',
      `- { outcome: try_later, status: 429, retry_after: wait }`,
      answer(429, { wait: 90 }),
      { kind: 'try_later', reason: 'http_429', retryAfter: 90_000 },
    ],
    [
      'a date',
      CODES,
      answer(429, '', { 'retry-after': 'Sat, 21 Nov 2026 10:01:00 GMT' }),
      { kind: 'try_later', reason: 'http_429', retryAfter: 60_000 },
    ],
    [
      'a date by its own clock',
      CODES,
      answer(429, '', { 'retry-after': 'Sat, 21 Nov 2026 11:00:09 GMT', date: 'Sat, 21 Nov 2026 11:00:00 GMT' }),
      { kind: 'try_later', reason: 'http_429', retryAfter: 9_000 },
    ],
  ])('is understood: %s', (_, rules, given, expected) => {
    expect(verdict(rules, given)).toEqual(expected);
  });

  it.each(['the number +79161234567 is barred', '79161234567', 'a'.repeat(65), 'two words', 'line\nend'])(
    'is not quoted where that might be a number or a text: %j',
    (said) => {
      const rules = `- { outcome: refused, status: 400, reason: error }`;
      expect(verdict(rules, answer(400, { error: said }))).toEqual({ kind: 'refused', reason: 'http_400' });
    },
  );

  it('is decided by the first rule that fits', () => {
    const rules = `- { outcome: refused, body: { e: 1 } }\n- { outcome: accepted, status: 2xx, id: none }`;
    expect(verdict(rules, answer(200, { e: 1 })).kind).toBe('refused');
    expect(verdict(rules, answer(200, { e: 2 })).kind).toBe('accepted');
  });

  it('that broke off is unknown where a rule asks for what may be lost of it', () => {
    const broken = { ...answer(400, '{"messages": [{"sta'), complete: false };
    expect(verdict(`- { outcome: try_later, body: { code: 5 } }`, broken)).toEqual({
      kind: 'unknown',
      reason: 'http_400',
    });
    expect(verdict(`- { outcome: try_later, status: 429 }`, broken)).toEqual({ kind: 'refused', reason: 'http_400' });
  });

  it('is never more than it is: no rule makes it throw, no key of an object is one of JavaScript', () => {
    const { gateway } = contractGateway();
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), fc.oneof(fc.json(), fc.string()), (status, body) => {
        expect(['accepted', 'refused', 'try_later']).toContain(judge(gateway, answer(status, body), NOW).kind);
      }),
    );
    const rules = `- { outcome: accepted, body: { constructor.name: Object }, id: none }`;
    expect(verdict(rules, answer(200, {})).kind).toBe('unknown');
  });
});

describe('a pattern', () => {
  const accepts = (pattern: string): string =>
    `- { outcome: accepted, text: '${pattern}', id: { text: '${pattern}' } }`;

  it.each([
    ['^OK:(\\d+)$', 'OK:12345', '12345'],
    ['<id>([^<]*)</id>', '<r>\n<id>a-1</id></r>', 'a-1'],
    ['(?:id|ID)=(\\w+)', 'status=0&ID=ab_9;', 'ab_9'],
    ['OK \\w+', ' OK 17 ', 'OK 17'],
    ['(x)?y', 'y', 'y'],
  ])('%s gives its first group, or the whole find, of %j', (pattern, body, messageId) => {
    expect(verdict(accepts(pattern), answer(200, body))).toEqual({ kind: 'accepted', messageId });
  });

  it.each([
    ['^(a+)+$', 'a'],
    ['(a|a)*b', 'a'],
    ['(.*)(.*)(.*)(.*)(.*)x', 'y'],
  ])('%s takes no longer for a hostile text than its length allows', (pattern, unit) => {
    const before = performance.now();
    expect(verdict(accepts(pattern), answer(200, `${unit.repeat(64 * 1024)}!`)).kind).toBe('unknown');
    expect(performance.now() - before).toBeLessThan(2_000);
  });

  it.each(['(', '[b-a]', '(?=a)', '(a)\\1', '(a{100}){100}'])('%s is refused, by its fault alone', (pattern) => {
    expect(() => verdict(accepts(pattern), answer(200))).toThrow(/is a pattern that cannot be used: [A-Za-z ():]+"/);
  });
});
