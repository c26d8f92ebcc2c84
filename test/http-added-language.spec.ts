import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Api, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { TEXTS_DIR } from './support/message-settings.js';
import { startService } from './support/service.js';

describe('a language that the operator has added', () => {
  const database = useDatabase();
  let api: Api;
  beforeAll(async () => {
    ({ api } = await startService(database, { TEXTS_DIR, OTP_TTL: '60' }));
  });

  it.each([
    ['de', /^\d{6} ist Ihr Code für die Einwilligung .* gilt 1 Minute\.$/],
    ['kk', /^\d{6} - дербес деректерді өңдеуге келісім коды\. Мерзімі 1 минут$/],
    ['en', /^\d{6} is your code .* valid for 1 minute\. Do not share it\.$/],
    ['ru', /^\d{6} - код согласия .* Срок 1 минута$/],
  ])('is taken, kept and written in: %s', async (locale, text) => {
    const phone = freshPhone();
    const { status, body } = await api.create({ phone, locale });
    expect({ status, locale: body['locale'] }).toEqual({ status: 201, locale });
    await api.codeSentTo(phone);
    expect((await api.messages(phone))[0]?.text).toMatch(text);
  });

  it.each(['de-AT', 'DE', 'fr', '../kk', 'constructor'])('is no other: %s', async (locale) => {
    const { status, body } = await api.create({ locale });
    const errors = [{ field: 'locale', message: 'must be ru, en, de, or kk' }];
    expect({ status, body }).toMatchObject({ status: 422, body: { code: 'validation_failed', errors } });
  });

  it('is named in the document of the API', async () => {
    const { body } = await api.get('/docs-json');
    for (const name of ['CreateAgreementDto', 'AgreementDto']) {
      expect(body['components'].schemas[name].properties.locale.enum).toEqual(['ru', 'en', 'de', 'kk']);
    }
  });
});
