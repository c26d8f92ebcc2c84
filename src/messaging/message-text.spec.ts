import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../config.js';
import { Secret } from '../secret.js';
import { messageText } from './message-text.js';

const KEY = `k:${Buffer.alloc(32, 1).toString('base64')}`;

/** The text that carries 012345, under the operator's settings. */
function text(settings: Record<string, string> = {}, locale: 'ru' | 'en' = 'ru'): string {
  const config = readConfig({ OTP_KEYS: KEY, CONTACT_KEYS: KEY, ...settings });
  return messageText(new Secret('012345'), locale, config).reveal();
}

describe('the text that carries a code', () => {
  it('is in the language of the agreement', () => {
    expect(text({}, 'ru')).toBe(
      '012345 - код согласия на обработку персональных данных. Действует 15 мин. Никому его не сообщайте.',
    );
    expect(text({}, 'en')).toBe(
      '012345 is your code to agree to the processing of personal data. It is valid for 15 min. Do not share it.',
    );
  });

  it('is the one that the operator wrote', () => {
    const OTP_MESSAGE_EN = '{code}: {purpose}, {minutes} min. Again: {code}';

    expect(text({ OTP_MESSAGE_EN, OTP_PURPOSE: 'the loyalty programme' }, 'en')).toBe(
      '012345: the loyalty programme, 15 min. Again: 012345',
    );
    expect(text({ OTP_MESSAGE_EN: '{code}' }, 'ru')).toMatch(/^012345 - код/);
  });

  it.each([
    ['1', '1'],
    ['59', '1'],
    ['60', '1'],
    ['119', '1'],
    ['120', '2'],
    ['3600', '60'],
  ])('promises for a life of %s s no more than %s min', (OTP_TTL, minutes) => {
    expect(text({ OTP_TTL, OTP_MESSAGE_RU: '{code} {minutes}' })).toBe(`012345 ${minutes}`);
  });

  it('takes a purpose as it is, even one that looks like a placeholder or a pattern', () => {
    const OTP_MESSAGE_RU = '{purpose} {code}';

    expect(text({ OTP_MESSAGE_RU, OTP_PURPOSE: '{code} $& $1 {minutes}' })).toBe('{code} $& $1 {minutes} 012345');
  });

  it('ends with the line that binds the code to the domain, for WebOTP', () => {
    const lines = text({ OTP_WEB_DOMAIN: 'consent.example' }).split('\n');

    expect(lines.at(-1)).toBe('@consent.example #012345');
    expect(lines.slice(1)).toEqual(['', '@consent.example #012345']);
  });
});
