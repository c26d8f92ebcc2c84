import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GatewayServer, providerOf, sendText, TEXT } from '../../../test/support/gateway-server.js';
import type { SmsOutcome } from './sms-gateway.js';

const page = readFileSync(new URL('../../../docs/gateway-file.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, yaml = '']) => yaml);
const SECRET = 'receipt-secret';

describe('the page on describing a gateway', () => {
  let server: GatewayServer;
  let folder = '';
  let path = '';
  beforeAll(async () => {
    server = await GatewayServer.start();
    folder = mkdtempSync(join(tmpdir(), 'gateway-'));
    path = join(folder, 'gateway.yaml');
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await server.stop();
  });

  function provider(example = examples[0] ?? '') {
    writeFileSync(path, example);
    return providerOf(path, { SMS_HTTP_URL: `${server.url}/api`, SMS_HTTP_WEBHOOK_SECRET: SECRET });
  }

  it('has an example that sends what the page says', async () => {
    server.answers({ status: 200, body: { messages: [{ code: 0, id: 'm-17' }] } });
    const { gateway } = provider();
    expect(gateway.deduplicates).toBe(true);
    await sendText(gateway);
    const [, first = '', head = '', body = ''] = /^```\n(POST .*?)\n(.*?)\n\n(\{.*?)\n```/ms.exec(page) ?? [];
    const [request] = server.requests;
    expect(first).toBe(`${request?.method ?? ''} ${request?.url ?? ''} HTTP/1.1`);
    for (const line of head.split('\n').filter((one) => !one.startsWith('Host'))) {
      const [name = '', value] = line.split(': ');
      expect(request?.headers[name.toLowerCase()]).toBe(value);
    }
    expect(request?.body).toBe(body.replace('042137 - код …', JSON.stringify(TEXT).slice(1, -1)));
  });

  it.each<[string, Parameters<GatewayServer['answers']>[0], SmsOutcome]>([
    ['code 0', { status: 200, body: { messages: [{ code: 0, id: 'm-17' }] } }, { kind: 'accepted', messageId: 'm-17' }],
    [
      'code 8',
      { status: 200, body: { messages: [{ code: 8, wait: 30 }] } },
      { kind: 'try_later', reason: 'http_200:8', retryAfter: 30_000 },
    ],
    ['code 3', { status: 200, body: { messages: [{ code: 3 }] } }, { kind: 'refused', reason: 'http_200:3' }],
    [
      '429',
      { status: 429, headers: { 'retry-after': '5' } },
      { kind: 'try_later', reason: 'http_429', retryAfter: 5_000 },
    ],
    ['no JSON', { status: 200, body: '<html>' }, { kind: 'unknown', reason: 'http_200' }],
  ])('has an example that understands %s as the page says', async (_, answer, outcome) => {
    server.answers(answer);
    expect(await sendText(provider().gateway)).toEqual(outcome);
  });

  it('has an example that reads receipts', () => {
    const time = String(Math.floor(Date.now() / 1000));
    const reports = [
      { id: 'm-17', status: 'DELIVERED', to: '79161234567' },
      { id: 'm-18', status: 'UNDELIVERED', error: 27 },
      { id: 'm-19', status: 'SENT' },
    ];
    const body = Buffer.from(JSON.stringify({ reports }));
    const signature = createHmac('sha256', SECRET).update(`${time}.`).update(body).digest('hex');
    const request = {
      headers: { 'x-timestamp': time, 'x-signature': `v1=${signature}` },
      body,
      url: 'https://me.example/',
    };
    expect(provider().receipts.read(request)).toMatchObject([
      { messageIds: ['m-17'], state: 'delivered', reason: null },
      { messageIds: ['m-18'], state: 'undelivered', reason: 'absent' },
    ]);
    expect(provider().receipts.read({ ...request, body: Buffer.from('{}') })).toBe('forged');
  });

  it.each<[string, number, string, SmsOutcome]>([
    ['plain text', 1, 'OK:12345', { kind: 'accepted', messageId: '12345' }],
    ['plain text that says not now', 1, 'ERROR 9', { kind: 'try_later', reason: 'http_200', retryAfter: null }],
    ['plain text that says no', 1, 'ERROR 5 wrong number', { kind: 'refused', reason: 'http_200:5' }],
    ['XML', 2, '<r><status>0</status><id>x-1</id></r>', { kind: 'accepted', messageId: 'x-1' }],
    ['XML that says no', 2, '<r><status>12</status></r>', { kind: 'refused', reason: 'http_200:12' }],
  ])('has an example that understands %s', async (_, example, body, outcome) => {
    server.answers({ status: 200, body });
    expect(await sendText(provider(examples[example]).gateway)).toEqual(outcome);
  });

  it('has no example that is not tried here', () => {
    expect(examples).toHaveLength(3);
  });
});
