import { createHash, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { startService } from './support/service.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const DOCUMENT = { id: 'policy', version: '1', sha256: sha256('the text') };

describe('in production', () => {
  const database = useDatabase();
  const settings = {
    NODE_ENV: 'production',
    ROLES: 'api',
    API_KEYS: `shop:${sha256('key')}`,
    KAFKA_BROKERS: 'kafka.invalid:9092',
    PHONE_COUNTRIES: 'RU,KZ',
    SMS_PROVIDERS: 'http',
    SMS_HTTP_URL: 'https://sms.invalid/send',
    SMS_HTTP_TOKEN: randomBytes(16).toString('hex'),
  };
  const start = async (more: Record<string, string> = {}) => {
    const { url } = await startService(database, { ...settings, ...more });
    return new DocumentedApi(url, { authorization: 'Bearer key' });
  };
  let api: DocumentedApi;
  beforeAll(async () => {
    api = await start();
  });

  it('a document has to be given where there is no default', async () => {
    const errors = [{ field: 'document', message: 'is needed: there is no default' }];
    expect(await api.create()).toMatchObject({ status: 422, body: { code: 'validation_failed', errors } });
    expect((await api.create({ document: DOCUMENT })).status).toBe(201);
  });

  it('a document may be left out where DOCUMENT_DEFAULT names one', async () => {
    const withDefault = await start({ DOCUMENT_DEFAULT: `policy:1:${DOCUMENT.sha256.toUpperCase()}` });
    expect((await withDefault.create()).body['document']).toEqual(DOCUMENT);
  });

  it('numbers of the listed countries are taken, others are refused', async () => {
    const status = async (phone: string) => (await api.create({ phone, document: DOCUMENT })).status;
    expect(await Promise.all([freshPhone(), '+77011234567'].map(status))).toEqual([201, 201]);
    const refused = await api.create({ phone: '+447400123456', document: DOCUMENT });
    expect(refused).toMatchObject({ status: 422, body: { code: 'phone_not_allowed', reason: 'country' } });
  });

  it('a national number is taken where the region is set, and only there', async () => {
    const national = { phone: '8 (916) 123-45-67', document: DOCUMENT };
    expect(await api.create(national)).toMatchObject({ status: 422, body: { reason: 'invalid' } });
    const regional = await start({ PHONE_DEFAULT_REGION: 'RU' });
    expect(await regional.create(national)).toMatchObject({ status: 201, body: { phone: '+7916•••••67' } });
  });

  it.each([
    ...['/docs', '/docs-json', '/docs-yaml', '/docs/swagger-ui.css'],
    ...['/sandbox', '/sandbox/phone.js', '/sandbox/messages', '/sandbox/switches'],
  ])('there is no %s', async (path) => {
    const response = await fetch(api.url + path);
    expect([response.status, await response.json()]).toMatchObject([404, { code: 'not_found' }]);
    expect(response.headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
  });
});
