import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type GatewayAnswers,
  GatewayServer,
  ID,
  providerOf,
  sendText,
  TEXT,
} from '../../../test/support/gateway-server.js';
import type { SmsOutcome } from './sms-gateway.js';

const SECRET = 'callback-secret';
const fileOf = (name: string): string => fileURLToPath(new URL(`../../../gateways/${name}.yaml`, import.meta.url));

type Case = [string, GatewayAnswers, SmsOutcome];

describe('the ready file', () => {
  let server: GatewayServer;
  beforeAll(async () => {
    server = await GatewayServer.start();
  });
  afterAll(() => server.stop());

  const provider = (name: string) =>
    providerOf(fileOf(name), { SMS_HTTP_URL: server.url, SMS_HTTP_WEBHOOK_SECRET: SECRET });

  describe('for SMS.RU', () => {
    it('sends what its page shows', async () => {
      server.answers({ status: 200 });
      await sendText(provider('sms-ru').gateway);
      const [request] = server.requests;
      expect(request).toMatchObject({ method: 'POST', url: '/sms/send' });
      expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
        ...{ api_id: 'secret', to: '79161234567', msg: TEXT, from: 'Shop', json: '1' },
      });
    });

    const ofNumber = (sms: object) => ({
      status: 200,
      body: { status: 'OK', status_code: 100, sms: { '79161234567': sms }, balance: 4122.56 },
    });
    const ofRequest = (code: number) => ({
      status: 200,
      body: { status: 'ERROR', status_code: code, status_text: 'Описание' },
    });

    it.each<Case>([
      [
        '100 for both',
        ofNumber({ status: 'OK', status_code: 100, sms_id: '000000-10000000' }),
        { kind: 'accepted', messageId: '000000-10000000' },
      ],
      [
        '207 for the number',
        ofNumber({ status: 'ERROR', status_code: 207, status_text: 'Описание' }),
        { kind: 'refused', reason: 'http_200:207' },
      ],
      [
        '220 for the number',
        ofNumber({ status: 'ERROR', status_code: 220 }),
        { kind: 'try_later', reason: 'http_200:220', retryAfter: null },
      ],
      ['200 for the request: a wrong api_id', ofRequest(200), { kind: 'refused', reason: 'http_200:200' }],
      ['201: no money', ofRequest(201), { kind: 'refused', reason: 'http_200:201' }],
      ['220: not available now', ofRequest(220), { kind: 'try_later', reason: 'http_200:220', retryAfter: null }],
      ['500: their fault, repeat', ofRequest(500), { kind: 'try_later', reason: 'http_200:500', retryAfter: null }],
      ['something else', { status: 200, body: '<html>' }, { kind: 'unknown', reason: 'http_200' }],
      [
        'too many requests',
        { status: 429, headers: { 'retry-after': '2' } },
        { kind: 'try_later', reason: 'http_429', retryAfter: 2_000 },
      ],
    ])('understands %s', async (_, answer, outcome) => {
      server.answers(answer);
      expect(await sendText(provider('sms-ru').gateway)).toEqual(outcome);
    });
  });

  describe('for Infobip', () => {
    it('sends what its page shows', async () => {
      server.answers({ status: 200 });
      await sendText(provider('infobip').gateway);
      const [request] = server.requests;
      expect(request).toMatchObject({
        method: 'POST',
        url: '/sms/3/messages',
        headers: { authorization: 'App secret', 'content-type': 'application/json', accept: 'application/json' },
      });
      const webhooks = {
        delivery: { url: `https://me.example/v1/delivery/http?key=${SECRET}` },
        contentType: 'application/json',
      };
      const destinations = [{ to: '79161234567', messageId: ID }];
      expect(JSON.parse(request?.body ?? '')).toEqual({
        messages: [{ sender: 'Shop', destinations, content: { text: TEXT }, webhooks }],
      });
    });

    const taken = (groupId: number, groupName: string, name: string) => ({
      status: 200,
      body: {
        messages: [
          { messageId: 'a28dd97c-1ffb', status: { groupId, groupName, id: 26, name }, destination: '79161234567' },
        ],
      },
    });
    const failed = (status: number, messageId: string) => ({
      status,
      body: { requestError: { serviceException: { messageId, text: 'Text' } } },
    });

    it.each<Case>([
      ['PENDING', taken(1, 'PENDING', 'PENDING_ACCEPTED'), { kind: 'accepted', messageId: 'a28dd97c-1ffb' }],
      [
        'REJECTED',
        taken(5, 'REJECTED', 'REJECTED_NOT_ENOUGH_CREDITS'),
        { kind: 'refused', reason: 'http_200:REJECTED_NOT_ENOUGH_CREDITS' },
      ],
      ['400', failed(400, 'BAD_REQUEST'), { kind: 'refused', reason: 'http_400:BAD_REQUEST' }],
      ['401', failed(401, 'UNAUTHORIZED'), { kind: 'refused', reason: 'http_401:UNAUTHORIZED' }],
      [
        '429',
        failed(429, 'TOO_MANY_REQUESTS'),
        { kind: 'try_later', reason: 'http_429:TOO_MANY_REQUESTS', retryAfter: null },
      ],
      ['500', failed(500, 'GENERAL_ERROR'), { kind: 'unknown', reason: 'http_500:GENERAL_ERROR' }],
      ['503', { status: 503 }, { kind: 'try_later', reason: 'http_503', retryAfter: null }],
    ])('understands %s', async (_, answer, outcome) => {
      server.answers(answer);
      expect(await sendText(provider('infobip').gateway)).toEqual(outcome);
    });

    /** As https://www.infobip.com/docs/api shows it, with what differs. */
    const report = (messageId: string, groupName: string, name: string, error: string) => ({
      ...{
        bulkId: 'BULK-ID-123-xyz',
        messageId,
        to: '79161234567',
        sentAt: '2026-11-09T16:00:00.000+0000',
        smsCount: 1,
      },
      status: { groupId: 3, groupName, id: 5, name, description: 'Description' },
      error: { groupId: 0, groupName: 'Ok', id: 0, name: error, description: 'Description', permanent: false },
    });
    const read = (results: object[], key = SECRET) =>
      provider('infobip').receipts.read({
        headers: {},
        body: Buffer.from(JSON.stringify({ results })),
        url: `https://me.example/v1/delivery/http?key=${key}`,
      });

    it('reads its receipts', () => {
      const results = [
        report('a', 'DELIVERED', 'DELIVERED_TO_HANDSET', 'NO_ERROR'),
        report('b', 'DELIVERED', 'DELIVERED_TO_OPERATOR', 'NO_ERROR'),
        report('c', 'PENDING', 'PENDING_ENROUTE', 'NO_ERROR'),
        report('d', 'UNDELIVERABLE', 'UNDELIVERABLE_NOT_DELIVERED', 'EC_ABSENT_SUBSCRIBER'),
        report('e', 'EXPIRED', 'EXPIRED_EXPIRED', 'EC_OTHER'),
        report('f', 'REJECTED', 'REJECTED_NETWORK', 'NO_ERROR'),
      ];
      expect(read(results)).toMatchObject([
        { messageIds: ['a'], state: 'delivered', reason: null },
        { messageIds: ['d'], state: 'undelivered', reason: 'absent' },
        { messageIds: ['e'], state: 'undelivered', reason: 'expired' },
        { messageIds: ['f'], state: 'undelivered', reason: 'rejected' },
      ]);
    });

    it('takes receipts only at the address that it gave', () => {
      expect(read([report('a', 'DELIVERED', 'DELIVERED_TO_HANDSET', 'NO_ERROR')], 'guess')).toBe('forged');
    });
  });
});
