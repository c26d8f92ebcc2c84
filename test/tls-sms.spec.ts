import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { Authority } from './support/certificates.js';
import { useDatabase } from './support/database.js';
import { useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { SmsServer } from './support/sms-server.js';
import { until } from './support/until.js';

describe('an SMS provider over HTTPS', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let authority: Authority;
  let provider: SmsServer;
  beforeAll(async () => {
    authority = await Authority.create('the authority of the provider');
    provider = await SmsServer.start(await authority.issue('DNS:localhost'));
  });
  afterAll(() => Promise.all([authority.remove(), provider.stop()]));

  async function start(host: string, more: Record<string, string> = {}) {
    const url = new URL(provider.url);
    url.hostname = host;
    const env = { ...provider.environment, SMS_HTTP_URL: url.href, ...more };
    return (await processes.start(testEnvironment(database, env))).ready();
  }

  const sendOf = async (reference: string) =>
    (await database.query('SELECT * FROM send WHERE reference = $1', [reference]))[0];

  it('gets texts where its authority is known', async () => {
    const service = await start('localhost', { NODE_EXTRA_CA_CERTS: authority.file });
    const phone = freshPhone();
    const { body } = await service.api.create({ phone });
    await service.api.until(String(body['reference']), { delivery: 'sent' });
    expect(provider.to(phone)).toHaveLength(1);
    await service.stop();
  });

  it.each<[string, string, boolean, RegExp]>([
    [
      'its authority is not known',
      'localhost',
      false,
      /UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED|UNABLE_TO_GET_ISSUER/,
    ],
    ['its certificate is of another name', '127.0.0.1', true, /ERR_TLS_CERT_ALTNAME_INVALID/],
  ])('gets nothing where %s; the text is tried again', async (_, host, trusted, reason) => {
    const service = await start(host, trusted ? { NODE_EXTRA_CA_CERTS: authority.file } : {});
    const phone = freshPhone();
    const { body } = await service.api.create({ phone });
    const reference = String(body['reference']);
    await until('the second try', async () => Number((await sendOf(reference))?.['try']) >= 2, 20_000);
    expect(await sendOf(reference)).toMatchObject({ state: 'queued' });
    expect(JSON.stringify(service.log)).toMatch(reason);
    expect(provider.to(phone)).toEqual([]);
    expect(service.output).not.toContain('provider-token');
    await service.stop();
  });
});
