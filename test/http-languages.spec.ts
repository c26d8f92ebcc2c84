import { beforeAll, describe, expect, it } from '@jest/globals';
import { otherThan } from './support/api.js';
import { useDatabase } from './support/database.js';
import { DocumentedApi } from './support/documented-api.js';
import { startService } from './support/service.js';

const UNKNOWN = '/v1/agreement/019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50';

describe('the detail of a problem', () => {
  const database = useDatabase();
  let api: DocumentedApi;
  let english: DocumentedApi;
  beforeAll(async () => {
    const { url } = await startService(database, { PHONE_COUNTRIES: 'RU' });
    api = new DocumentedApi(url);
    english = api.with({ 'accept-language': 'en' });
  });

  it.each<[string, string | undefined]>([
    ['ru', undefined],
    ['ru', ''],
    ['ru', 'ru'],
    ['ru', 'ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7'],
    ['ru', '*'],
    ['ru', 'de'],
    ['ru', 'en;q=0.1, ru;q=0.9'],
    ['ru', 'en;q=0'],
    ['ru', ';;;===,,,'],
    ['ru', 'x'.repeat(5000)],
    ['en', 'en'],
    ['en', 'EN'],
    ['en', 'en-GB'],
    ['en', 'de, en;q=0.5'],
    ['en', 'ru;q=0.5, en;q=0.9'],
    ['en', 'en, *;q=0.1'],
  ])('is in %s for %.40j', async (language, accepted) => {
    const { headers, body } = await api.get(UNKNOWN, accepted === undefined ? {} : { 'accept-language': accepted });
    expect(headers.get('content-language')).toBe(language);
    expect(body['detail']).toBe(language === 'ru' ? 'Согласие не найдено.' : 'No such agreement.');
  });

  it('has in Russian the four texts of the quick start, and says the same in English', async () => {
    const { reference, code } = await api.createAndAwaitCode();
    const path = `/v1/agreement/${reference}`;
    const said = async (by: DocumentedApi, send: (api: DocumentedApi) => ReturnType<DocumentedApi['post']>) =>
      (await send(by)).body['detail'] as string;
    const wrong = (by: DocumentedApi) => by.confirm(reference, otherThan(code));
    const resend = (by: DocumentedApi) => by.post(`${path}/resend`);

    expect(await said(api, resend)).toBe('OTP-код уже отправлен. Повторите попытку позже.');
    expect(await said(english, resend)).toBe('A code has been sent already. Try again later.');
    expect(await said(api, wrong)).toBe('Неверный код, осталось попыток: 2');
    expect(await said(english, wrong)).toBe('Wrong code, attempts left: 1');
    expect(await said(api, wrong)).toBe('Неверный код, осталось попыток: 0');
    expect(await said(api, wrong)).toBe('Исчерпано максимальное количество попыток проверки кода');
    expect(await said(english, wrong)).toBe('The code has no attempts left. Ask for a new one.');

    const expiring = await api.createAndAwaitCode();
    await database.query('UPDATE agreement SET code_expires_at = now() WHERE reference = $1', [expiring.reference]);
    const late = (by: DocumentedApi) => by.confirm(expiring.reference, expiring.code);
    expect(await said(api, late)).toBe('Срок действия OTP истёк.');
    expect(await said(english, late)).toBe('The code has expired. Ask for a new one.');
  });

  it('says why a phone is not taken', async () => {
    const refusal = async (phone: string) => {
      const answers = await Promise.all([api.create({ phone }), english.create({ phone })]);
      expect(answers.map(({ status, body }) => [status, body['code']])).toEqual(
        Array(2).fill([422, 'phone_not_allowed']),
      );
      return [answers[0].body['reason'], ...answers.map(({ body }) => body['detail'])];
    };
    expect(await refusal('+7916')).toEqual([
      'invalid',
      'Такого номера телефона не существует.',
      'There is no such phone number.',
    ]);
    expect(await refusal('9161234567')).toEqual(expect.arrayContaining(['invalid']));
    const fixed = ['not_mobile', 'Этот номер не может принять SMS.', 'This number cannot receive an SMS.'];
    expect(await refusal('+74951234567')).toEqual(fixed);
    expect(await refusal('+78001234567')).toEqual(fixed);
    const abroad = [
      'country',
      'Отправка на номера этой страны не разрешена.',
      'Sending to numbers of this country is not allowed.',
    ];
    expect(await refusal('+12015550123')).toEqual(abroad);
  });

  it('says how an agreement was closed', async () => {
    const { reference, code } = await api.createAndAwaitCode();
    const other = await api.createAndAwaitCode();
    const confirm = async (by: DocumentedApi, agreement: string) => (await by.confirm(agreement, code)).body['detail'];
    await api.post(`/v1/agreement/${other.reference}/cancel`);
    expect(await confirm(api, other.reference)).toBe('Запрос согласия отменён.');
    expect(await confirm(english, other.reference)).toBe('The agreement was cancelled.');
    await api.confirm(reference, code);
    expect(await confirm(api, reference)).toBe('Согласие уже подтверждено.');
    expect(await confirm(english, reference)).toBe('The agreement is confirmed already.');
    await api.post(`/v1/agreement/${reference}/withdraw`);
    expect(await confirm(api, reference)).toBe('Согласие отозвано.');
    expect(await confirm(english, reference)).toBe('The agreement was withdrawn.');
  });

  it('names itself, its code and the path in every language', async () => {
    const { body } = await english.get(`${UNKNOWN}/?x=y`);
    expect(body).toEqual({
      type: 'urn:agreement-service:problem:agreement_not_found',
      title: 'Agreement not found',
      status: 404,
      detail: 'No such agreement.',
      instance: `${UNKNOWN}/`,
      code: 'agreement_not_found',
    });
  });
});
