import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { codeIn, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { GatewayServer } from './support/gateway-server.js';
import { useProcesses } from './support/process.js';
import { startService, testEnvironment, type TestService } from './support/service.js';

const SECRET = 'receipt-secret';
const FILE = `request:
  url: '{url}/sms'
  form: { to: '{to_digits}', msg: '{text}', key: '{token}' }
answers:
  - { outcome: accepted, text: '^OK', id: { text: '^OK:(\\w+)' } }
  - { outcome: refused, text: '^ERROR', reason: { text: '^ERROR (\\d+)' } }
receipts:
  signed: { by: hmac, header: X-Signature }
  format: form
  id: id
  status: status
  recipient: phone
  delivered: 1
  undelivered: { 2: expired }
`;

describe('a service whose gateway a file describes', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let server: GatewayServer;
  let service: TestService;
  let env: Record<string, string>;
  beforeAll(async () => {
    server = await GatewayServer.start();
    const path = join(await processes.folder(), 'gateway.yaml');
    await writeFile(path, FILE);
    env = {
      ...{ SMS_PROVIDERS: 'http', SMS_HTTP_URL: server.url, SMS_HTTP_TOKEN: 'gateway-token', SMS_TIMEOUT: '1' },
      ...{ SMS_HTTP_TEMPLATE_FILE: path, SMS_HTTP_WEBHOOK_SECRET: SECRET, PUBLIC_URL: 'https://me.example' },
    };
    service = await startService(database, env);
  });
  afterAll(() => server.stop());

  async function create(answer: string): Promise<{ phone: string; reference: string }> {
    server.answers({ status: 200, body: answer });
    const phone = freshPhone();
    const { body } = await service.api.create({ phone });
    return { phone, reference: String(body['reference']) };
  }

  const report = (body: string, key = SECRET) =>
    fetch(`${service.url}/v1/delivery/http`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-signature': createHmac('sha256', key).update(body).digest('hex'),
      },
      body,
    });

  it('sends by it, and believes its receipts', async () => {
    const { phone, reference } = await create('OK:abc1');
    await service.api.until(reference, { delivery: 'sent' });
    const [request, ...more] = server.requests;
    expect([request?.url, more]).toEqual(['/sms', []]);
    const { to, msg = '', key } = Object.fromEntries(new URLSearchParams(request?.body));
    expect([to, key]).toEqual([phone.slice(1), 'gateway-token']);
    const receipt = `id=abc1&status=1&phone=${phone.slice(1)}`;
    expect((await report(receipt, 'guessed')).status).toBe(401);
    expect((await report(receipt)).status).toBe(204);
    await service.api.until(reference, { delivery: 'delivered' });
    expect(await service.api.confirm(reference, codeIn(msg))).toMatchObject({ status: 200 });
  });

  it('takes no for an answer that has a status of success', async () => {
    const { reference } = await create('ERROR 7');
    await service.api.until(reference, { delivery: 'failed', delivery_reason: 'refused' });
    expect(service.log.join('\n')).toContain('http_200:7');
  });

  it('repeats a text of which nothing is known once at most: this gateway does not drop repeats', async () => {
    const { reference } = await create('what?');
    await service.api.until(reference, { delivery: 'failed', delivery_reason: 'unknown' });
    expect(server.requests).toHaveLength(2);
  });

  it('does not start with a file that is wrong, and names the line', async () => {
    await writeFile(env['SMS_HTTP_TEMPLATE_FILE'] ?? '', FILE.replace('form:', 'from:'));
    const refused = await processes.start(testEnvironment(database, env));
    expect((await refused.end()).code).toBe(1);
    expect(refused.output).toMatch(/gateway\.yaml:3: request\.from is not known here/);
  });
});
