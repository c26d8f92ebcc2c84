import type { Config } from '../config.js';
import { Secret } from '../secret.js';

const PURPOSE = { ru: 'обработку персональных данных', en: 'the processing of personal data' };

/**
 * The text that carries a code: the operator's template, and for WebOTP (WICG origin-bound one-time codes) a last line
 * that binds the code to the operator's domain. Nothing in it comes from the caller.
 */
export function messageText(
  code: Secret<string>,
  locale: 'ru' | 'en',
  { message, otp }: Pick<Config, 'message' | 'otp'>,
): Secret<string> {
  const digits = code.reveal();
  const values: Record<string, string> = {
    code: digits,
    minutes: String(Math.max(1, Math.floor(otp.ttl / 60_000))),
    purpose: message.purpose ?? PURPOSE[locale],
  };
  const text = message[locale].replaceAll(/\{(\w+)\}/g, (placeholder, name: string) => values[name] ?? placeholder);
  return new Secret(message.webDomain === undefined ? text : `${text}\n\n@${message.webDomain} #${digits}`);
}
