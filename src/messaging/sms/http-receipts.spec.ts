import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { NOW, readerOf, RECEIPT_SECRET as SECRET } from '../../../test/support/http-receipts.js';
import { Secret } from '../../secret.js';
import type { ReceiptRequest } from './sms-gateway.js';

const RECEIPT = { id: 'our-id', message_id: 'm-1', status: 'delivered', to: '+79161234567' };

/** A receipt as another library signs it. */
function signed(body: unknown, at = NOW, secret = SECRET, id = 'msg_1'): ReceiptRequest {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const signature = new Webhook(secret).sign(id, new Date(at * 1000), text);
  const headers = { 'webhook-id': id, 'webhook-timestamp': String(at), 'webhook-signature': signature };
  return { headers, body: Buffer.from(text), url: 'https://me.example/v1/delivery/http' };
}

const withHeaders = (request: ReceiptRequest, headers: ReceiptRequest['headers']): ReceiptRequest => ({
  ...request,
  headers: { ...request.headers, ...headers },
});

describe('a receipt of the provider http', () => {
  it('is taken where Standard Webhooks signs it', () => {
    expect(readerOf().read(signed(RECEIPT))).toEqual([
      {
        provider: 'http',
        messageIds: ['m-1', 'our-id'],
        recipient: expect.any(Secret),
        state: 'delivered',
        reason: null,
      },
    ]);
  });

  it.each<[string, Record<string, unknown>, string, string | null]>([
    ['flat', { id: 'a', status: 'undelivered', reason: 'absent' }, 'undelivered', 'absent'],
    [
      'under data',
      { type: 'message.status', timestamp: '2026-11-21T10:00:00Z', data: { id: 'a', status: 'failed' } },
      'undelivered',
      'other',
    ],
    ['expired', { id: 'a', status: 'expired' }, 'undelivered', 'expired'],
    ['rejected', { id: 'a', status: 'Rejected' }, 'undelivered', 'rejected'],
    [
      'with a reason of their own',
      { id: 'a', status: 'failed', reason: 'number +79161234567 is away' },
      'undelivered',
      'other',
    ],
    ['with a reason that is no text', { id: 'a', status: 'failed', reason: { code: 3 } }, 'undelivered', 'other'],
    ['with an id that is a number', { id: 12, status: 'delivered' }, 'delivered', null],
    [
      'with a reason that delivered does not need',
      { id: 'a', status: 'delivered', reason: 'absent' },
      'delivered',
      null,
    ],
  ])('is understood: %s', (_, body, state, reason) => {
    expect(readerOf().read(signed(body))).toMatchObject([{ state, reason }]);
  });

  it('may speak of several texts', () => {
    const read = readerOf().read(signed([RECEIPT, { id: 'b', status: 'queued' }, { id: 'c', status: 'failed' }]));
    expect(read).toMatchObject([{ messageIds: ['m-1', 'our-id'] }, { messageIds: ['c'] }]);
  });

  it.each(['queued', 'accepted', 'sent', 'read', 'something'])('says nothing of the end where it says %s', (status) => {
    expect(readerOf().read(signed({ id: 'a', status }))).toEqual([]);
  });

  it.each([
    ['no JSON', 'status=delivered'],
    ['nothing', ''],
    ['null', 'null'],
    ['a text', '"delivered"'],
    ['no status', { id: 'a' }],
    ['no id', { status: 'delivered' }],
    ['a status that is an object', { id: 'a', status: {} }],
  ])('is malformed where it holds %s', (_, body) => {
    expect(readerOf().read(signed(body))).toBe('malformed');
  });

  it.each([
    ['+79161234567', '+79161234567'],
    ['79161234567', '+79161234567'],
    ['0079161234567', '+79161234567'],
    ['+7 916 123-45-67', '+79161234567'],
    ['+7916•••••67', undefined],
    ['Shop', undefined],
  ])('is for %s', (to, e164) => {
    const read = readerOf().read(signed({ ...RECEIPT, to }));
    expect(typeof read === 'object' && read[0]?.recipient?.reveal()).toBe(e164);
    expect(JSON.stringify(read)).not.toContain('9161234567');
  });
});

describe('the signature of Standard Webhooks', () => {
  it('is one that the reference library makes and takes, with any secret, id, time and body', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        fc.string({ unit: 'grapheme-ascii', minLength: 1 }),
        fc.integer({ min: -600, max: 600 }),
        fc.json(),
        fc.constantFrom('as it is', 'body', 'id', 'secret', 'signature'),
        (key, id, offset, body, forged) => {
          const secret = `whsec_${Buffer.from(key).toString('base64')}`;
          const request = signed(body, NOW + offset, secret, id);
          const other = `whsec_${Buffer.from([...key, 1]).toString('base64')}`;
          const forgeries: Record<string, ReceiptRequest> = {
            body: { ...request, body: Buffer.from(`${body} `) },
            id: withHeaders(request, { 'webhook-id': `${id}x` }),
            signature: withHeaders(request, {
              'webhook-signature': `${String(request.headers['webhook-signature'])}=`,
            }),
          };
          const sent = forgeries[forged] ?? request;
          const used = forged === 'secret' ? other : secret;
          const ours = readerOf({ secret: used }).read(sent) !== 'forged';
          expect(ours).toBe(takes(used, sent));
          expect(ours).toBe(forged === 'as it is' && Math.abs(offset) <= 300);
        },
      ),
      { numRuns: 300 },
    );
  });

  /** What the reference library says at the same time by the same clock. */
  function takes(secret: string, { headers, body }: ReceiptRequest): boolean {
    jest.useFakeTimers({ now: NOW * 1000 });
    try {
      new Webhook(secret).verify(body, headers as Record<string, string>, { jsonParse: false });
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(WebhookVerificationError);
      return false;
    } finally {
      jest.useRealTimers();
    }
  }

  it('is good for five minutes both ways, by our clock', () => {
    const request = signed(RECEIPT);
    const at = (offset: number) => readerOf({ now: (NOW + offset) * 1000 }).read(request) !== 'forged';
    expect([-301, -300, 0, 300, 301].map(at)).toEqual([false, true, true, true, false]);
  });

  it('may be one of several, while the secret is being changed', () => {
    const request = signed(RECEIPT);
    const right = String(request.headers['webhook-signature']);
    const wrong = `v1,${Buffer.alloc(32).toString('base64')}`;
    const among = (signatures: string) => readerOf().read(withHeaders(request, { 'webhook-signature': signatures }));
    expect(among(`${wrong} v1a,abc ${right}`)).toHaveLength(1);
    expect(among(`${wrong} ${wrong}`)).toBe('forged');
    expect(among(right.replace('v1,', 'v2,'))).toBe('forged');
  });

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])('needs %s, once', (name) => {
    const request = signed(RECEIPT);
    expect(readerOf().read(withHeaders(request, { [name]: undefined }))).toBe('forged');
    expect(readerOf().read(withHeaders(request, { [name]: '' }))).toBe('forged');
    const value = String(request.headers[name]);
    expect(readerOf().read(withHeaders(request, { [name]: [value, value] }))).toBe('forged');
  });

  it.each(['1e9', ' 1', '-1', 'NaN', '99999999999999999999'])('is not believed where the time is %j', (timestamp) => {
    expect(readerOf().read(withHeaders(signed(RECEIPT), { 'webhook-timestamp': timestamp }))).toBe('forged');
  });

  it('is made with a raw secret, or with what it is the base64 of', () => {
    const raw = 'a raw secret';
    const signature = new Webhook(raw, { format: 'raw' }).sign('msg_1', new Date(NOW * 1000), JSON.stringify(RECEIPT));
    const request = withHeaders(signed(RECEIPT), { 'webhook-signature': signature });
    expect(readerOf({ secret: raw }).read(request)).toHaveLength(1);
    expect(readerOf({ secret: SECRET.slice('whsec_'.length) }).read(signed(RECEIPT))).toHaveLength(1);
  });
});
