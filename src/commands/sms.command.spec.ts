import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { GatewayServer } from '../../test/support/gateway-server.js';
import { NotThere, UsageError } from './command.js';
import { sms } from './sms.command.js';

const NUMBER = '+79161234567';

describe('the command sms', () => {
  const before = { ...process.env };
  let server: GatewayServer;
  let folder = '';
  beforeAll(async () => {
    server = await GatewayServer.start();
    folder = mkdtempSync(join(tmpdir(), 'sms-'));
  });
  afterEach(() => {
    process.env = { ...before };
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await server.stop();
  });

  /** Types it where these are the settings. */
  function types(args: string[], more: Record<string, string> = {}) {
    process.env = {
      ...{ SMS_PROVIDERS: 'sandbox', SMS_ROUTES: 'RU:http,sandbox', SMS_TIMEOUT: '1', SMS_SENDER: 'Shop' },
      ...{ SMS_HTTP_URL: `${server.url}/sms`, SMS_HTTP_TOKEN: 'the-t0ken', DATABASE_URL: 'x', DATA_DIR: '/nowhere' },
      ...more,
    };
    return sms(args);
  }
  const test = (...args: string[]) => types(['test', ...args]);

  it('hands one text to the first provider of the number, and says under which id it was taken', async () => {
    server.answers({ status: 202, body: { message_id: 'm-17' } });
    const { text, data, failure } = await test('+7 916', '123-45-67', '--locale', 'en');
    expect(text).toMatch(
      /^To +\+7916•••••67 \(RU\)\nProvider +http; .* http, sandbox\nText +1 part: \d+ septets of GSM-7\nAccepted +after \d+ ms, its id is m-17$/,
    );
    expect(failure).toBeUndefined();
    expect(data).toMatchObject({
      ...{ to: '+7916•••••67', country: 'RU', provider: 'http', route: ['http', 'sandbox'], locale: 'en' },
      ...{ encoding: 'GSM-7', parts: 1, outcome: 'accepted', reason: null, message_id: 'm-17' },
    });
    const [request, ...more] = server.requests;
    expect(more).toEqual([]);
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      ...{ to: NUMBER, sender: 'Shop', text: expect.stringContaining('123456') },
    });
  });

  it.each<[string, Parameters<GatewayServer['answers']>[0], string, RegExp]>([
    ['no', { status: 403 }, 'refused', /^Refused for good after \d+ ms: http_403$/],
    ['later', { status: 429, headers: { 'retry-after': '30' } }, 'try_later', /later: http_429; .* again in 30 s$/],
    ['nothing', () => undefined, 'unknown', /^Nobody knows after \d+ ms whether the text was taken: timeout\./],
  ])('has failed where the provider says %s', async (_, answer, outcome, said) => {
    server.answers(answer);
    const { text, data, failure } = await test(NUMBER);
    expect([data, failure]).toEqual([expect.objectContaining({ outcome }), expect.stringMatching(said)]);
    expect(text + JSON.stringify(data)).not.toMatch(/9161234567|the-t0ken/);
  });

  it('goes by the file of a gateway, or says by line what is wrong in it', async () => {
    const path = join(folder, 'gateway.yaml');
    const form = `request:\n  form: { n: '{to_digits}', t: '{text}' }\n`;
    const file = `${form}answers:\n  - { outcome: accepted, id: { text: '\\d+' } }\n`;
    writeFileSync(path, file);
    server.answers({ status: 200, body: 'OK 55' });
    const settings = { SMS_HTTP_TEMPLATE_FILE: path };
    expect((await types(['test', NUMBER], settings)).data).toMatchObject({ message_id: '55' });
    writeFileSync(path, file.replace('form', 'from'));
    await expect(types(['test', NUMBER], settings)).rejects.toThrow(/gateway\.yaml:2: request\.from is not known here/);
  });

  it('says of the sandbox that nothing was sent', async () => {
    server.answers({ status: 200 });
    const { text, data } = await test(NUMBER, '--provider', 'sandbox');
    expect([text, data]).toEqual([
      expect.stringMatching(/no text went out\.$/),
      expect.objectContaining({ outcome: 'nothing_sent' }),
    ]);
    expect(server.requests).toEqual([]);
  });

  it('tells why there is no session with an SMSC', async () => {
    const settings = { SMS_PROVIDERS: 'smpp', SMS_ROUTES: '', SMPP_URL: 'smpp://user:the-t0ken@127.0.0.1:1' };
    const { text, failure } = await types(['test', NUMBER], settings);
    expect(failure).toMatch(/^Not taken after \d+ ms.*: not_connected$/);
    expect(text).toMatch(/Note +no session with the SMSC; trying again: ECONNREFUSED$/);
    expect(text).not.toContain('the-t0ken');
  });

  it.each([
    ['a number that is none', ['12345'], /^This number is not allowed: invalid$/],
    ['a number that takes no texts', ['+74951234567'], /^This number is not allowed: not_mobile$/],
    ['a provider that is not configured', [NUMBER, '--provider', 'twilio'], /^twilio is not configured/],
  ])('is not possible with %s, and the number is not quoted', async (_, args, said) => {
    const error = await test(...args).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NotThere);
    expect((error as Error).message).toMatch(said);
  });

  it('sends nothing to a test number', async () => {
    server.answers({ status: 200 });
    const settings = { TEST_PHONES: `${NUMBER}:123456`, TEST_PHONES_ALLOWED: 'true' };
    await expect(types(['test', NUMBER], settings)).rejects.toThrow(/\+7916•••••67 is one of TEST_PHONES/);
    expect(server.requests).toEqual([]);
  });

  it.each([
    ['no number', ['test']],
    ['no word', []],
    ['another provider', ['test', NUMBER, '--provider', 'pigeon']],
    ['another language', ['test', NUMBER, '--locale', 'xx']],
    ['another option', ['test', NUMBER, '--text', 'hello']],
  ])('is refused with its usage for %s', async (_, args) => {
    const error = await types(args).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(/Usage: sms test NUMBER .*$/);
  });
});
