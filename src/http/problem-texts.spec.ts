import { describe, expect, it } from '@jest/globals';
import { Problem, type ProblemCode, type ProblemDetails, PROBLEMS } from './problem.js';
import { detailOf } from './problem-texts.js';

const CODES = Object.keys(PROBLEMS) as ProblemCode[];

/** The contract's codes with the status that each goes out with. */
const STATUSES: Record<ProblemCode, number> = {
  validation_failed: 422,
  malformed_request: 400,
  unauthorized: 401,
  forbidden: 403,
  agreement_not_found: 404,
  not_found: 404,
  method_not_allowed: 405,
  phone_not_allowed: 422,
  email_not_allowed: 422,
  code_not_sent_yet: 409,
  code_invalid: 422,
  attempts_exhausted: 409,
  code_expired: 410,
  already_confirmed: 409,
  not_confirmed: 409,
  agreement_closed: 409,
  resend_too_soon: 429,
  send_limit_reached: 429,
  rate_limited: 429,
  idempotency_key_reused: 422,
  request_in_progress: 409,
  unavailable: 503,
  internal_error: 500,
};

/** Every code, and every detail that its text looks at. */
const VARIANTS: readonly (readonly [ProblemCode, ProblemDetails])[] = [
  ...CODES.filter((code) => code !== 'malformed_request').map((code) => [code, {}] as const),
  ...[400, 413, 415].map((status) => ['malformed_request', { status }] as const),
  ...['invalid', 'not_mobile', 'country'].map((reason) => ['phone_not_allowed', { reason }] as const),
  ...['invalid', 'blocked', 'no_mx'].map((reason) => ['email_not_allowed', { reason }] as const),
  ...['rejected', 'expired', 'cancelled', 'withdrawn'].map(
    (status) => ['agreement_closed', { agreement_status: status }] as const,
  ),
  ['forbidden', { reason: 'host' }],
  ['forbidden', { reason: 'origin' }],
  ...['agreement', 'phone', 'prefix', 'country', 'client', 'hold'].map(
    (limit) => ['send_limit_reached', { limit }] as const,
  ),
];

describe('the problems', () => {
  it('go out with the status of the contract', () => {
    expect(Object.fromEntries(CODES.map((code) => [code, new Problem(code).status]))).toEqual(STATUSES);
    expect(new Problem('malformed_request', { status: 415 }).status).toBe(415);
  });

  it.each(CODES)('have a title for %s', (code) => {
    expect(PROBLEMS[code].title).toMatch(/^[A-Z][a-z ]+$/);
  });
});

describe('the text of a problem', () => {
  it('is word for word what callers of the quick start show, in its four cases', () => {
    expect(detailOf('attempts_exhausted', {}, 'ru')).toBe('Исчерпано максимальное количество попыток проверки кода');
    expect(detailOf('code_invalid', { attempts_left: 2 }, 'ru')).toBe('Неверный код, осталось попыток: 2');
    expect(detailOf('resend_too_soon', {}, 'ru')).toBe('OTP-код уже отправлен. Повторите попытку позже.');
    expect(detailOf('code_expired', {}, 'ru')).toBe('Срок действия OTP истёк.');
  });

  it.each(VARIANTS)('of %s %j is in Russian and in English', (code, details) => {
    const [ru, en] = [detailOf(code, details, 'ru'), detailOf(code, details, 'en')];

    expect(ru).toMatch(/[а-яё]{3}/i);
    expect(en).toMatch(/^[\x20-\x7e]+$/);
    expect(en).toMatch(/[a-z]{3}/i);
    expect(`${ru} ${en}`).not.toMatch(/undefined|null|NaN|\[object/);
  });

  it('counts down to nothing', () => {
    const texts = [2, 1, 0].map((left) => detailOf('code_invalid', { attempts_left: left }, 'en'));

    expect(texts).toEqual([
      'Wrong code, attempts left: 2',
      'Wrong code, attempts left: 1',
      'Wrong code, attempts left: 0',
    ]);
  });

  it('tells every reason, status and closing apart', () => {
    for (const language of ['ru', 'en'] as const) {
      const texts = VARIANTS.map(([code, details]) => detailOf(code, details, language));
      expect(new Set(texts).size).toBe(texts.length);
    }
  });

  it('stays general for what it does not know', () => {
    expect(detailOf('phone_not_allowed', { reason: 'something new' }, 'en')).toBe(
      'No code can be sent to this number.',
    );
    expect(detailOf('email_not_allowed', { reason: 'something new' }, 'en')).toBe(
      'No code can be sent to this address.',
    );
    expect(detailOf('agreement_closed', { agreement_status: 'something new' }, 'en')).toBe('The agreement is closed.');
    for (const details of [{ status: 418 }, { status: 400, reason: 'something new' }]) {
      expect(detailOf('malformed_request', details, 'en')).toBe('The request could not be read.');
    }
  });
});
