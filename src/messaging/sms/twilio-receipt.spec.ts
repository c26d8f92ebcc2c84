import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { getExpectedTwilioSignature, validateRequest } from 'twilio/lib/webhooks/webhooks.js';
import { Secret } from '../../secret.js';
import type { Receipt } from './sms-gateway.js';
import { TwilioReceipts } from './twilio-receipt.js';

const TOKEN = 'the-token-of-nobody';
const URL_OF_RECEIPTS = 'https://consent.example/v1/delivery/twilio';
const SID = `SM${'b'.repeat(32)}`;
const PHONE = '+79161234567';

const reader = new TwilioReceipts({ authToken: new Secret(TOKEN) });

type Fields = Readonly<Record<string, string | string[]>>;

const DELIVERED: Fields = {
  MessageSid: SID,
  SmsSid: SID,
  MessageStatus: 'delivered',
  SmsStatus: 'delivered',
  To: PHONE,
  From: '+15005550006',
  ApiVersion: '2010-04-01',
};

/** What the reader makes of a callback. */
function read(fields: Fields, url = URL_OF_RECEIPTS, signature?: string | string[] | null) {
  const form = new URLSearchParams();
  for (const [key, value] of Object.entries(fields)) for (const one of [value].flat()) form.append(key, one);
  const given = signature === undefined ? getExpectedTwilioSignature(TOKEN, url, fields) : signature;
  const headers = given === null ? {} : { 'x-twilio-signature': given };
  return reader.read({ headers, body: Buffer.from(form.toString()), url });
}

describe('a status callback of Twilio', () => {
  it('says that a text was delivered, which, and to whom', () => {
    const receipts = read(DELIVERED) as readonly Receipt[];
    expect(receipts).toEqual([
      { provider: 'twilio', messageIds: [SID], recipient: expect.any(Secret), state: 'delivered', reason: null },
    ]);
    expect(receipts[0]?.recipient?.reveal()).toBe(PHONE);
    expect(JSON.stringify(receipts)).toContain('+7916•••••67');
  });

  it.each<[string, string | undefined, Receipt['reason']]>([
    ['undelivered', '30003', 'absent'],
    ['undelivered', '30004', 'blocked'],
    ['undelivered', '30005', 'unknown_number'],
    ['undelivered', '30006', 'unknown_number'],
    ['undelivered', '30007', 'content'],
    ['undelivered', '30008', 'other'],
    ['failed', '30001', 'network'],
    ['failed', '30036', 'expired'],
    ['failed', '21610', 'blocked'],
    ['failed', '99999', 'other'],
    ['failed', 'constructor', 'other'],
    ['failed', undefined, 'other'],
    ['canceled', undefined, 'other'],
  ])('says that it was not, and why: %s %s', (status, code, reason) => {
    const fields = { ...DELIVERED, MessageStatus: status, ...(code === undefined ? {} : { ErrorCode: code }) };
    expect(read(fields)).toMatchObject([{ state: 'undelivered', reason }]);
  });

  it('says that a text was read, which is more than delivered', () => {
    expect(read({ ...DELIVERED, MessageStatus: 'read' })).toMatchObject([{ state: 'delivered', reason: null }]);
  });

  it.each(['accepted', 'scheduled', 'queued', 'sending', 'sent'])('says nothing of the end: %s', (status) => {
    expect(read({ ...DELIVERED, MessageStatus: status })).toEqual([]);
  });

  it.each<[string, Fields]>([
    ['no text', { MessageStatus: 'delivered', To: PHONE }],
    ['an empty name of a text', { ...DELIVERED, MessageSid: '' }],
    ['no status', { MessageSid: SID, To: PHONE }],
    ['a status that nobody knows', { ...DELIVERED, MessageStatus: 'constructor' }],
    ['nothing at all', {}],
  ])('cannot be understood: %s', (_, fields) => {
    expect(read(fields)).toBe('malformed');
  });

  it.each(['', 'whatsapp:+79161234567', '79161234567', '+0'])('may name nobody that can be texted: %p', (to) => {
    expect(read({ ...DELIVERED, To: to })).toMatchObject([{ messageIds: [SID], recipient: null }]);
  });

  it.each<[string, string | string[] | null]>([
    ['no signature', null],
    ['an empty one', ''],
    ['two of them', [getExpectedTwilioSignature(TOKEN, URL_OF_RECEIPTS, DELIVERED), 'x']],
    ['one by another token', getExpectedTwilioSignature('another', URL_OF_RECEIPTS, DELIVERED)],
    ['one of another address', getExpectedTwilioSignature(TOKEN, 'https://else.example/v1/delivery/twilio', DELIVERED)],
    [
      'one of another status',
      getExpectedTwilioSignature(TOKEN, URL_OF_RECEIPTS, { ...DELIVERED, MessageStatus: 'failed' }),
    ],
    ['the right one and more', `${getExpectedTwilioSignature(TOKEN, URL_OF_RECEIPTS, DELIVERED)}=`],
    ['the right one in part', getExpectedTwilioSignature(TOKEN, URL_OF_RECEIPTS, DELIVERED).slice(0, -1)],
    ['one that is not ASCII', 'й'.repeat(14)],
  ])('is forged: %s', (_, signature) => {
    expect(read(DELIVERED, URL_OF_RECEIPTS, signature)).toBe('forged');
  });

  it('is forged where its body is JSON, which Twilio does not sign so', () => {
    const body = Buffer.from(JSON.stringify(DELIVERED));
    const headers = { 'x-twilio-signature': getExpectedTwilioSignature(TOKEN, URL_OF_RECEIPTS, DELIVERED) };
    expect(reader.read({ headers, body, url: URL_OF_RECEIPTS })).toBe('forged');
  });
});

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const name = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 }).filter((word) => word !== '__proto__');
const fields: fc.Arbitrary<Fields> = fc
  .dictionary(name, fc.oneof(text, fc.array(text, { minLength: 2, maxLength: 4 })), { maxKeys: 8 })
  .map((more) => ({ ...more, ...DELIVERED }));
/** Addresses that are written as the URL standard would write them: there Twilio's own check tries no other spelling. */
const address = fc.record({
  scheme: fc.constantFrom('https://', 'http://'),
  host: fc.constantFrom('consent.example', 'user:word@consent.example', '127.0.0.1', '[::1]'),
  port: fc.constantFrom('', ':443', ':80', ':8443'),
  path: fc.constantFrom('/v1/delivery/twilio', '/prefix/v1/delivery/twilio', '/', '/a:1@b'),
  query: fc.constantFrom('', '?', '?a=1', '?a=1&a=2&b=%20', '?x=https://y.example:80/'),
});
type Address = typeof address extends fc.Arbitrary<infer T> ? T : never;
const urlOf = ({ scheme, host, port, path, query }: Address) => scheme + host + port + path + query;
const standardPort = ({ scheme }: Address) => (scheme === 'https://' ? ':443' : ':80');

describe('the check of the signature', () => {
  it('agrees with that of Twilio, whatever was signed', () => {
    fc.assert(
      fc.property(fields, address, address, (sent, here, there) => {
        const signed = urlOf({ ...here, port: there.port });
        const signature = getExpectedTwilioSignature(TOKEN, signed, sent);
        const genuine = validateRequest(TOKEN, signature, urlOf(here), sent);
        expect(read(sent, urlOf(here), signature) !== 'forged').toBe(genuine);
      }),
      { numRuns: 500 },
    );
  });

  it('takes what Twilio signs, with and without the port', () => {
    fc.assert(
      fc.property(fields, address, fc.boolean(), (sent, here, named) => {
        const port = named ? here.port || standardPort(here) : '';
        const signature = getExpectedTwilioSignature(TOKEN, urlOf({ ...here, port }), sent);
        expect(read(sent, urlOf(here), signature)).not.toBe('forged');
      }),
    );
  });

  it('refuses another address, and another path or query', () => {
    fc.assert(
      fc.property(fields, address, address, (sent, here, there) => {
        fc.pre(urlOf({ ...here, port: '' }) !== urlOf({ ...there, port: '' }));
        const signature = getExpectedTwilioSignature(TOKEN, urlOf(there), sent);
        expect(read(sent, urlOf(here), signature)).toBe('forged');
      }),
    );
  });

  it('refuses what was changed, added or taken away after it was signed', () => {
    fc.assert(
      fc.property(fields, fc.oneof(name, fc.constantFrom(...Object.keys(DELIVERED))), text, (sent, changed, value) => {
        fc.pre(!Array.isArray(sent[changed]) && sent[changed] !== value);
        const signature = getExpectedTwilioSignature(TOKEN, URL_OF_RECEIPTS, sent);
        expect(read({ ...sent, [changed]: value }, URL_OF_RECEIPTS, signature)).toBe('forged');
        expect(read({ ...sent, [changed]: [] }, URL_OF_RECEIPTS, signature) === 'forged').toBe(
          Object.hasOwn(sent, changed),
        );
      }),
    );
  });
});
