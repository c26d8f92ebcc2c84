import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GatewayServer, providerOf, sendText, TEXT } from '../../../test/support/gateway-server.js';
import { Secret } from '../../secret.js';
import type { HttpGateway } from './http-gateway.js';

const FORM = `form: { to: '{to}', text: '{text}', from: '{sender}' }`;
const RULES = `
  - { outcome: accepted, status: 200, body: { ok: true }, id: id }
  - { outcome: refused, status: 200, body: { ok: false }, reason: code }`;

describe('a gateway that a file describes', () => {
  let server: GatewayServer;
  let folder = '';
  let closed = '';
  beforeAll(async () => {
    server = await GatewayServer.start();
    folder = mkdtempSync(join(tmpdir(), 'gateway-'));
    const other = await GatewayServer.start();
    closed = other.url;
    await other.stop();
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await server.stop();
  });

  function gatewayOf(request: string, answers = RULES, url = server.url): HttpGateway {
    const path = join(folder, 'gateway.yaml');
    writeFileSync(path, `request:\n${request.replace(/^/gm, '  ')}\nanswers:${answers}\n`);
    return providerOf(path, { SMS_HTTP_URL: url }).gateway;
  }

  it('is asked by GET without a body', async () => {
    server.answers({ status: 200, body: { ok: true, id: 5 } });
    const gateway = gatewayOf(`method: GET\nurl: '{url}/s?key={token}'\nquery: { to: '{to}', text: '{text}' }`);
    expect(await sendText(gateway)).toEqual({ kind: 'accepted', messageId: '5' });
    const [request] = server.requests;
    expect(request).toMatchObject({ method: 'GET', body: '' });
    expect(request?.headers).not.toHaveProperty('content-length');
    const { pathname, searchParams } = new URL(request?.url ?? '', server.url);
    expect([pathname, ...searchParams]).toEqual(['/s', ['key', 'secret'], ['to', '+79161234567'], ['text', TEXT]]);
  });

  it('is asked by a form', async () => {
    server.answers({ status: 200, body: { ok: false, code: 'E1' } });
    expect(await sendText(gatewayOf(FORM))).toEqual({ kind: 'refused', reason: 'http_200:E1' });
    const [request] = server.requests;
    expect(request?.headers).toMatchObject({
      'content-type': 'application/x-www-form-urlencoded',
      accept: expect.stringMatching(/json/),
    });
    expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
      to: '+79161234567',
      text: TEXT,
      from: 'Shop',
    });
  });

  it('is not followed to another address, by whatever redirect', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      server.answers({ status, headers: { location: `${server.url}/elsewhere` } });
      expect(await sendText(gatewayOf(FORM))).toEqual({ kind: 'refused', reason: `http_${status}` });
      expect(server.requests.map(({ url }) => url)).toEqual(['/']);
    }
  });

  it('is heard for 64 KiB and no longer', async () => {
    const padded = (length: number) => ({ status: 200, body: `{"id": 7, "pad": "${' '.repeat(length)}", "ok": true}` });
    server.answers(padded(60 * 1024));
    expect(await sendText(gatewayOf(FORM))).toEqual({ kind: 'accepted', messageId: '7' });
    server.answers(padded(70 * 1024));
    expect(await sendText(gatewayOf(FORM))).toEqual({ kind: 'unknown', reason: 'http_200' });
  });

  it.each<[string, (response: ServerResponse) => void, unknown]>([
    ['says nothing', () => undefined, { kind: 'unknown', reason: 'timeout' }],
    ['hangs up', (response) => void response.socket?.destroy(), { kind: 'unknown', reason: 'ECONNRESET' }],
    [
      'says what is no HTTP',
      (response) => void response.socket?.end('220 smtp\r\n'),
      { kind: 'unknown', reason: expect.any(String) },
    ],
    [
      'breaks off in its answer',
      (response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{"ok": tr');
        setImmediate(() => response.socket?.destroy());
      },
      { kind: 'unknown', reason: 'http_200' },
    ],
  ])('may have taken a text where it %s', async (_, does, outcome) => {
    server.answers(does);
    expect(await sendText(gatewayOf(FORM), {}, 300)).toEqual(outcome);
  });

  it('has not got a text where there was no connection', async () => {
    expect(await sendText(gatewayOf(FORM, RULES, closed))).toMatchObject({ kind: 'try_later', reason: 'ECONNREFUSED' });
  });

  it('gets nothing that cannot stand where the file puts it', async () => {
    server.answers({ status: 200 });
    const gateway = gatewayOf(`headers: { X-Id: '{id}' }\n${FORM}`);
    expect(await sendText(gateway, { id: 'a\r\nX-Evil: 1' })).toEqual({ kind: 'refused', reason: 'unfit_value' });
    expect(await sendText(gateway, { text: new Secret('a\0b') })).toEqual({ kind: 'refused', reason: 'unfit_value' });
    expect(server.requests).toEqual([]);
  });

  it('is at the address of the file where that names one', async () => {
    server.answers({ status: 200, body: { ok: true } });
    await sendText(gatewayOf(`url: '${server.url}/fixed'\n${FORM}`, RULES, 'https://other.example'));
    expect(server.requests.map(({ url }) => url)).toEqual(['/fixed']);
  });

  it('says itself whether it drops repeats', () => {
    expect(gatewayOf(FORM).deduplicates).toBe(false);
  });
});
