import type { ProblemCode, ProblemDetails } from './problem.js';

export type Language = 'ru' | 'en';

type Text = string | ((details: ProblemDetails) => string);

/** The `detail` of each problem. Four Russian ones are the wording that callers of the quick start already show. */
const TEXTS: Record<ProblemCode, Record<Language, Text>> = {
  validation_failed: {
    ru: 'Запрос не прошёл проверку: исправьте поля, перечисленные в errors.',
    en: 'The request did not pass validation: correct the fields listed in errors.',
  },
  malformed_request: {
    ru: ({ status, reason }) => (reason ? undefined : MALFORMED.ru[status ?? 400]) ?? 'Запрос не удалось разобрать.',
    en: ({ status, reason }) => (reason ? undefined : MALFORMED.en[status ?? 400]) ?? 'The request could not be read.',
  },
  unauthorized: {
    ru: ({ reason }) =>
      reason === 'signature' ? 'Подпись неверна.' : 'Нужен действующий ключ API в заголовке Authorization: Bearer.',
    en: ({ reason }) =>
      reason === 'signature'
        ? 'The signature is wrong.'
        : 'A valid API key is needed in the header Authorization: Bearer.',
  },
  forbidden: {
    ru: ({ reason }) => FORBIDDEN.ru[reason ?? ''] ?? 'Ключ не даёт права на это действие.',
    en: ({ reason }) => FORBIDDEN.en[reason ?? ''] ?? 'The key does not allow this action.',
  },
  agreement_not_found: { ru: 'Согласие не найдено.', en: 'No such agreement.' },
  not_found: { ru: 'Такого адреса нет.', en: 'No such route.' },
  method_not_allowed: {
    ru: 'Этот метод здесь не поддерживается; допустимые перечислены в заголовке Allow.',
    en: 'This method is not supported here; the header Allow lists those that are.',
  },
  phone_not_allowed: {
    ru: ({ reason }) => PHONE.ru[reason ?? ''] ?? 'На этот номер отправить код нельзя.',
    en: ({ reason }) => PHONE.en[reason ?? ''] ?? 'No code can be sent to this number.',
  },
  email_not_allowed: {
    ru: ({ reason }) => EMAIL.ru[reason ?? ''] ?? 'На этот адрес отправить код нельзя.',
    en: ({ reason }) => EMAIL.en[reason ?? ''] ?? 'No code can be sent to this address.',
  },
  code_not_sent_yet: {
    ru: 'Код ещё не отправлен. Повторите попытку позже.',
    en: 'No code has been sent yet. Try again later.',
  },
  code_invalid: {
    ru: ({ attempts_left: left }) => `Неверный код, осталось попыток: ${left ?? 0}`,
    en: ({ attempts_left: left }) => `Wrong code, attempts left: ${left ?? 0}`,
  },
  attempts_exhausted: {
    ru: 'Исчерпано максимальное количество попыток проверки кода',
    en: 'The code has no attempts left. Ask for a new one.',
  },
  code_expired: { ru: 'Срок действия OTP истёк.', en: 'The code has expired. Ask for a new one.' },
  already_confirmed: { ru: 'Согласие уже подтверждено.', en: 'The agreement is confirmed already.' },
  not_confirmed: { ru: 'Согласие не было подтверждено.', en: 'The agreement was never confirmed.' },
  agreement_closed: {
    ru: ({ agreement_status: status }) => CLOSED.ru[status ?? ''] ?? 'Согласие закрыто.',
    en: ({ agreement_status: status }) => CLOSED.en[status ?? ''] ?? 'The agreement is closed.',
  },
  resend_too_soon: {
    ru: 'OTP-код уже отправлен. Повторите попытку позже.',
    en: 'A code has been sent already. Try again later.',
  },
  send_limit_reached: {
    ru: ({ limit }) => REACHED.ru[limit ?? ''] ?? 'Достигнуто ограничение на отправку кодов.',
    en: ({ limit }) => REACHED.en[limit ?? ''] ?? 'The limit of codes to send has been reached.',
  },
  rate_limited: {
    ru: 'Слишком много запросов с этого адреса. Повторите попытку позже.',
    en: 'Too many requests from this address. Try again later.',
  },
  idempotency_key_reused: {
    ru: 'Этот Idempotency-Key уже использован для другого запроса.',
    en: 'This Idempotency-Key was used for another request already.',
  },
  request_in_progress: {
    ru: 'Запрос с этим Idempotency-Key ещё выполняется. Повторите попытку позже.',
    en: 'The first request with this Idempotency-Key is still running. Try again later.',
  },
  unavailable: {
    ru: 'Сервис временно недоступен. Повторите попытку позже.',
    en: 'The service is unavailable for the moment. Try again later.',
  },
  internal_error: {
    ru: 'Внутренняя ошибка. Сообщите X-Request-Id оператору сервиса.',
    en: 'Internal error. Give the X-Request-Id to the operator of the service.',
  },
};

const MALFORMED: Record<Language, Record<number, string>> = {
  ru: {
    400: 'Тело запроса не является корректным JSON.',
    413: 'Тело запроса слишком велико: допустимо не более 16 КиБ.',
    415: 'Тело запроса должно иметь тип application/json.',
  },
  en: {
    400: 'The body of the request is not valid JSON.',
    413: 'The body of the request is too large: 16 KiB at most.',
    415: 'The body of the request must be of the type application/json.',
  },
};

const FORBIDDEN: Record<Language, Record<string, string>> = {
  ru: {
    host: 'Недопустимый заголовок Host.',
    origin: 'Страницы других сайтов этого делать не могут.',
  },
  en: {
    host: 'The Host header is not allowed.',
    origin: 'Pages of other sites may not do this.',
  },
};

const PHONE: Record<Language, Record<string, string>> = {
  ru: {
    invalid: 'Такого номера телефона не существует.',
    not_mobile: 'Этот номер не может принять SMS.',
    country: 'Отправка на номера этой страны не разрешена.',
  },
  en: {
    invalid: 'There is no such phone number.',
    not_mobile: 'This number cannot receive an SMS.',
    country: 'Sending to numbers of this country is not allowed.',
  },
};

const EMAIL: Record<Language, Record<string, string>> = {
  ru: {
    invalid: 'Это не адрес электронной почты.',
    blocked: 'Отправка на адреса этого домена не разрешена.',
    no_mx: 'Домен этого адреса не принимает почту.',
  },
  en: {
    invalid: 'This is no e-mail address.',
    blocked: 'Sending to addresses of this domain is not allowed.',
    no_mx: 'The domain of this address takes no mail.',
  },
};

const REACHED: Record<Language, Record<string, string>> = {
  ru: {
    agreement: 'Все коды этого согласия уже отправлены.',
    phone: 'На этот номер или адрес отправлено слишком много кодов. Повторите попытку позже.',
    prefix: 'На номера этой серии отправлено слишком много кодов. Повторите попытку позже.',
    country: 'В эту страну отправлено слишком много кодов. Повторите попытку позже.',
    client: 'Слишком много запросов согласия от этого клиента. Повторите попытку позже.',
    hold: 'Отправка на номера этой серии приостановлена. Повторите попытку позже.',
  },
  en: {
    agreement: 'All codes of this agreement have been sent.',
    phone: 'Too many codes were sent to this number or address. Try again later.',
    prefix: 'Too many codes were sent to numbers of this range. Try again later.',
    country: 'Too many codes were sent to this country. Try again later.',
    client: 'Too many agreements were asked for by this client. Try again later.',
    hold: 'Sending to numbers of this range is held back. Try again later.',
  },
};

const CLOSED: Record<Language, Record<string, string>> = {
  ru: {
    rejected: 'Согласие отклонено: слишком много неверных кодов.',
    expired: 'Срок подтверждения согласия истёк.',
    cancelled: 'Запрос согласия отменён.',
    withdrawn: 'Согласие отозвано.',
  },
  en: {
    rejected: 'The agreement is rejected: too many wrong codes.',
    expired: 'The time to confirm the agreement is over.',
    cancelled: 'The agreement was cancelled.',
    withdrawn: 'The agreement was withdrawn.',
  },
};

/** The text for people, in the language they asked for. */
export function detailOf(code: ProblemCode, details: ProblemDetails, language: Language): string {
  const text = TEXTS[code][language];
  return typeof text === 'string' ? text : text(details);
}
