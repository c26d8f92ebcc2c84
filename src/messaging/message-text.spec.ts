import { describe, expect, it } from '@jest/globals';
import { TEXTS_DIR } from '../../test/support/message-settings.js';
import { readConfig } from '../config.js';
import { Secret } from '../secret.js';
import { messageText } from './message-text.js';

const KEY = `k:${Buffer.alloc(32, 1).toString('base64')}`;

const configOf = (settings: Record<string, string>) => readConfig({ OTP_KEYS: KEY, CONTACT_KEYS: KEY, ...settings });

/** The text that carries 012345, under the operator's settings. */
function text(settings: Record<string, string> = {}, locale = 'ru'): string {
  return messageText(new Secret('012345'), { locale, channel: 'sms' }, configOf(settings)).text.reveal();
}

/** The mail that carries it. */
function mail(settings: Record<string, string> = {}, locale = 'ru'): { text: string; subject: string; html: string } {
  const { text, mail } = messageText(new Secret('012345'), { locale, channel: 'email' }, configOf(settings));
  return { text: text.reveal(), subject: mail?.subject ?? '', html: mail?.html.reveal() ?? '' };
}

describe('the text that carries a code', () => {
  it('is in the language of the agreement', () => {
    expect(text({}, 'ru')).toBe('012345 - код согласия на обработку персональных данных. Срок 15 минут');
    expect(text({}, 'en')).toBe(
      '012345 is your code to agree to the processing of personal data. It is valid for 15 minutes. Do not share it.',
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

  it('takes a purpose as it is, even one that looks like a pattern', () => {
    const OTP_MESSAGE_RU = '{purpose} {code}';

    expect(text({ OTP_MESSAGE_RU, OTP_PURPOSE: '$& $1 $$' })).toBe('$& $1 $$ 012345');
  });

  it.each([
    [1, 'Срок 1 минута', 'действует 1 минуту.', 'valid for 1 minute.'],
    [2, 'Срок 2 минуты', 'действует 2 минуты.', 'valid for 2 minutes.'],
    [5, 'Срок 5 минут', 'действует 5 минут.', 'valid for 5 minutes.'],
    [11, 'Срок 11 минут', 'действует 11 минут.', 'valid for 11 minutes.'],
    [21, 'Срок 21 минута', 'действует 21 минуту.', 'valid for 21 minutes.'],
  ])('has the plural form of %s', (minutes, russian, russianMail, english) => {
    const OTP_TTL = String(minutes * 60);

    expect(text({ OTP_TTL })).toMatch(new RegExp(`${russian}$`));
    expect(text({ OTP_TTL }, 'en')).toContain(english);
    expect(mail({ OTP_TTL }).text).toContain(russianMail);
    expect(mail({ OTP_TTL }, 'en').text).toContain(english);
  });

  it('is in Russian where the language of the agreement has no texts any more, or those of its base language', () => {
    expect(text({ TEXTS_DIR }, 'de')).toMatch(/^012345 ist Ihr Code/);
    expect(text({ TEXTS_DIR }, 'de-AT')).toMatch(/^012345 ist Ihr Code/);
    expect(text({}, 'de')).toBe(text({}, 'ru'));
    expect(text({}, 'constructor')).toBe(text({}, 'ru'));
  });

  it('follows no reference to another text, of whoever wrote it', () => {
    const nested = '$t(subject)';

    expect(text({ OTP_MESSAGE_RU: `{code} ${nested}` })).toBe(`012345 ${nested}`);
    expect(text({ OTP_MESSAGE_RU: '{code} {purpose}', OTP_PURPOSE: nested })).toBe(`012345 ${nested}`);
  });

  it('is in GSM-7 where only its punctuation would keep it from that', () => {
    expect(text({ OTP_MESSAGE_EN: '“{code}” — don’t share…' }, 'en')).toBe('"012345" - don\'t share...');
    expect(text({ OTP_MESSAGE_RU: '«{code}» — код…' })).toBe('«012345» — код…');
  });

  it('ends with the line that binds the code to the domain, for WebOTP', () => {
    const lines = text({ OTP_WEB_DOMAIN: 'consent.example' }).split('\n');

    expect(lines.at(-1)).toBe('@consent.example #012345');
    expect(lines.slice(1)).toEqual(['', '@consent.example #012345']);
  });
});

describe('the mail that carries a code', () => {
  it('says the same in text and in HTML, with its own subject and no line for browsers', () => {
    const { text, subject, html } = mail({ OTP_WEB_DOMAIN: 'consent.example' });

    expect(text).toBe(
      'Ваш код согласия на обработку персональных данных: 012345\n\nОн действует 15 минут. Никому его не сообщайте.\n\n' +
        'Если вы его не запрашивали, ничего не делайте: без кода согласие не даётся.',
    );
    expect(subject).toBe('Код согласия на обработку персональных данных');
    const shown = html.slice(html.indexOf('<body')).replaceAll(/<[^>]+>/g, '');
    expect(shown.split('\n').filter(Boolean)).toEqual(text.split('\n\n'));
  });

  it('has an HTML part in its language, with the code in one piece and nothing to load or to click', () => {
    const { html } = mail({}, 'en');

    expect(html).toMatch(/^<!DOCTYPE html>\n<html lang="en">/);
    expect(html).toMatch(/<span style="[^"]*user-select:all[^"]*">012345<\/span>/);
    expect(html).not.toMatch(/<(a|img|link|script|style|iframe|form)\b|https?:|url\(|\bcolor:|background/i);
  });

  it('shows what the operator wrote as it is, never as HTML', () => {
    const { html, text, subject } = mail({ OTP_PURPOSE: '<b onclick="x">&amp; \'012345\'</b>' }, 'en');

    expect(text).toContain('<b onclick="x">&amp; \'012345\'</b>: 012345');
    expect(subject).toContain('<b onclick="x">');
    expect(html).toContain('&lt;b onclick=&quot;x&quot;&gt;&amp;amp; &#39;012345&#39;&lt;/b&gt;');
    expect(html).not.toMatch(/<b\b/);
    expect(html.match(/<span/g)).toHaveLength(1);
  });

  it('keeps the code to its text: the subject is kept in logs', () => {
    const { text, mail: parts } = messageText(new Secret('012345'), { locale: 'ru', channel: 'email' }, configOf({}));

    expect(JSON.stringify({ text, parts })).not.toContain('012345');
    expect(parts?.subject).not.toContain('012345');
  });
});
