import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GatewayServer } from './support/gateway-server.js';
import { runCli } from './support/program.js';

describe('the command sms, typed', () => {
  let server: GatewayServer;
  beforeAll(async () => {
    server = await GatewayServer.start();
  });
  afterAll(() => server.stop());

  const test = (...args: string[]) =>
    runCli(['sms', 'test', '+79161234567', ...args], {
      ...{ SMS_PROVIDERS: 'http', SMS_HTTP_URL: server.url, SMS_HTTP_TOKEN: 'token', SMS_TIMEOUT: '5' },
    });

  it('ends with 0 where the text was accepted', async () => {
    server.answers({ status: 202, body: { message_id: 'm-17' } });
    const { code, stdout, stderr } = await test();
    expect([code, stdout, stderr]).toEqual([0, expect.stringMatching(/\nAccepted .*m-17\n$/), '']);
  });

  it('ends with 1 where it was not, and says so to a program too', async () => {
    server.answers({ status: 403 });
    const { code, stdout, stderr } = await test('--json');
    expect([code, JSON.parse(stdout)]).toEqual([
      1,
      expect.objectContaining({ outcome: 'refused', reason: 'http_403' }),
    ]);
    expect(stderr).toMatch(/^Refused for good after \d+ ms: http_403\n$/);
  });

  it('is among the commands', async () => {
    expect((await runCli(['--help'], {})).stdout).toContain('sms --help');
    expect((await runCli(['sms', '--help'], {})).stdout).toMatch(/test NUMBER/);
  });
});
