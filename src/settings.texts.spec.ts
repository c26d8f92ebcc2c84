import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TEXTS_DIR } from '../test/support/message-settings.js';
import { faultsOf } from '../test/support/setting.js';
import { readConfig } from './config.js';
import { textSizes } from './settings.texts.js';

const KEY = `k:${Buffer.alloc(32, 1).toString('base64')}`;
const KEYS = { OTP_KEYS: KEY, CONTACT_KEYS: KEY };
const NO_LINK = 'must hold no link, nor what looks like one: a space belongs after a dot';

const NO_BRACES = 'must hold no { or } but those of its placeholders';

/** A language that has all that it needs. */
const WHOLE = { sms: '{code} {minutes}', subject: 'Code', mail: '{code}: {purpose}', purpose: 'this' };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agreement-texts-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(name: string, content: unknown): void {
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
}

/** What is wrong with one file; the name of the setting and of the file are left out. */
function faultsIn(content: unknown, name = 'kk.json', settings = {}): readonly string[] {
  put(name, content);
  const faults = faultsOf({ ...KEYS, TEXTS_DIR: folder, ...settings });
  return faults.map((fault) => fault.replace(`TEXTS_DIR: ${name}: `, ''));
}

describe('a file of texts', () => {
  it('adds a language; one that is named as a built-in one takes the place of its texts', () => {
    put('kk.json', WHOLE);
    put('pt-BR.json', WHOLE);
    put('en.json', { sms_one: '{code} one', sms_other: '{code} other' });
    put('notes.txt', 'not mine');
    mkdirSync(join(folder, '..data'));
    const { texts } = readConfig({ ...KEYS, TEXTS_DIR: folder }).message;

    expect(texts.languages).toEqual(['ru', 'en', 'kk', 'pt-BR']);
    expect(texts.sms('kk', '012345')).toBe('012345 15');
    expect(texts.sms('en', '012345')).toBe('012345 other');
    expect(texts.render('en', 'mail', '012345')).toContain('the processing of personal data: 012345');
  });

  it('gives way to the setting with the text of its language', () => {
    put('ru.json', { sms: '{code} из файла', subject: 'Из файла' });
    const OTP_MESSAGE_RU = '{code} из настройки';
    const { texts } = readConfig({ ...KEYS, TEXTS_DIR: folder, OTP_MESSAGE_RU }).message;

    expect(texts.sms('ru', '012345')).toBe('012345 из настройки');
    expect(texts.render('ru', 'subject', '')).toBe('Из файла');
  });

  it('may have the line ends of Windows, like the setting', () => {
    put('kk.json', { ...WHOLE, sms: '{code}\r\n{minutes}' });
    const { texts } = readConfig({ ...KEYS, TEXTS_DIR: folder, OTP_MESSAGE_EN: '{code}\r\n{minutes}' }).message;

    for (const language of ['kk', 'en']) expect(texts.sms(language, '012345')).toBe('012345\n15');
  });

  it.each([
    ['{', ['must be JSON, one object of texts']],
    ['[]', ['must be JSON, one object of texts']],
    ['null', ['must be JSON, one object of texts']],
    [' '.repeat(65_537), ['must be a file of 64 KiB at most']],
    [{}, ['sms is missing', 'subject is missing', 'mail is missing']],
    [{ ...WHOLE, sms: 1 }, ['"sms" must be a text']],
    [{ ...WHOLE, sms: ' ' }, ['"sms" must be a text']],
    [{ ...WHOLE, sms: 'no code' }, ['"sms" must contain {code}']],
    [{ ...WHOLE, mail: '{minutes}' }, ['"mail" must contain {code}']],
    [{ ...WHOLE, sms: '{code} {CANARY}' }, ['"sms" may contain only the placeholders {code}, {minutes} and {purpose}']],
    [{ ...WHOLE, sms: '{{code}} {code}' }, ['"sms" may contain only the placeholders {code}, {minutes} and {purpose}']],
    [{ ...WHOLE, sms: '{code} {- purpose}' }, [expect.stringMatching(/only the placeholders/)]],
    [{ ...WHOLE, sms: '{code} {minutes, number}' }, [expect.stringMatching(/only the placeholders/)]],
    [{ ...WHOLE, subject: 'Your {code}' }, ['"subject" may contain only the placeholders {minutes} and {purpose}']],
    [{ ...WHOLE, subject: 'two\nlines' }, ['"subject" must hold no control characters']],
    [{ ...WHOLE, mail: '{code}\u0000' }, ['"mail" must hold no control characters']],
    [{ ...WHOLE, sms: '{code} {' }, [`"sms" ${NO_BRACES}`]],
    [{ ...WHOLE, sms: '{code}}' }, [`"sms" ${NO_BRACES}`]],
    [{ ...WHOLE, sms: '{code} code}' }, [`"sms" ${NO_BRACES}`]],
    [{ ...WHOLE, subject: 'in } {minutes}' }, [`"subject" ${NO_BRACES}`]],
    [{ ...WHOLE, mail: '{code}\n{minutes' }, [`"mail" ${NO_BRACES}`]],
    [{ ...WHOLE, purpose: 'this {code}' }, ['"purpose" must hold no placeholder, nor { or }']],
    [{ ...WHOLE, purpose: 'this }' }, ['"purpose" must hold no placeholder, nor { or }']],
    [{ ...WHOLE, purpose: 'see example.com' }, [`"purpose" ${NO_LINK}`]],
    [{ ...WHOLE, sms_some: '{code}' }, ['"sms_some" is not a text of the service']],
    [{ ...WHOLE, greeting: 'CANARY' }, ['"greeting" is not a text of the service']],
    [{ ...WHOLE, constructor: 'CANARY' }, ['"constructor" is not a text of the service']],
    ['{"__proto__": "CANARY"}', ['"__proto__" is not a text of the service']],
    [{ ...WHOLE, purpose: undefined }, ['purpose is missing']],
  ])('is refused by its name and key, without what it says: %j', (content, faults) => {
    const found = faultsIn(content);

    expect(found).toEqual(faults);
    expect(found.join()).not.toContain('CANARY');
  });

  it.each(['kazakh-language.json', 'RU.json', 'en-us.json', 'xx.json', '.json', 'a b.json'])(
    'is refused where its name is no language: %s',
    (name) => {
      expect(faultsIn(WHOLE, name)).toEqual([
        `TEXTS_DIR: ${JSON.stringify(name)}: must be named after a language, such as kk.json or pt-BR.json`,
      ]);
    },
  );

  it('needs every plural form that its language has for minutes', () => {
    const { sms: _, ...others } = WHOLE;

    expect(faultsIn({ ...others, sms_one: '{code}' }, 'uk.json')).toEqual([
      'sms_few is missing',
      'sms_many is missing',
    ]);
    expect(faultsIn({ ...others, sms_one: '{code}', sms_few: '{code}', sms_many: '{code}' }, 'uk.json')).toEqual([]);
    expect(faultsIn({ ...others, sms_one: '{code}', sms_other: '{code}' }, 'ja.json')).toEqual([]);
  });

  it('needs no purpose of its own where the operator has one for all', () => {
    expect(faultsIn({ ...WHOLE, purpose: undefined }, 'kk.json', { OTP_PURPOSE: 'the club' })).toEqual([]);
  });
});

describe('a link', () => {
  it.each([
    ...['http://a', 'HTTPS://example', 'ftp://x', 'www.example', 'WWW.example.com', 'example.com', 'пример.рф'],
    ...[
      't.me/shop',
      'shop@example.com',
      'example．com',
      'example。com',
      'exam\u00adple.c\u200bom',
      '192.168.0.1',
      'a.b.cd',
      'नमस्ते.com',
      'उदाहरण.भारत',
      '❤.ws',
      '❤️.ws',
      '👍🏽.to',
      'ไทย.ไทย',
    ],
    ...['{purpose}.com', 'данных.Никому'],
  ])('has no place in a text, neither has what looks like one: %s', (link) => {
    expect(faultsOf({ ...KEYS, OTP_MESSAGE_RU: `{code} ${link}` })).toEqual([expect.stringContaining(NO_LINK)]);
  });

  it.each(['www.example.com', 'the club at club.example'])('has none in the purpose: %s', (OTP_PURPOSE) => {
    expect(faultsOf({ ...KEYS, OTP_PURPOSE })).toEqual([`OTP_PURPOSE: ${NO_LINK}`]);
  });

  it.each(['т.е. так', 'e.g. this', 'No. 5', '1.5', 'SMS: 1', 'a...b', 'end.', '12:30', '01.02.2026', '$t(sms)'])(
    'is none of: %s',
    (words) => {
      const { message } = readConfig({ ...KEYS, OTP_MESSAGE_EN: `{code} ${words}` });

      expect(message.texts.sms('en', '012345')).toBe(`012345 ${words}`);
    },
  );
});

describe('the length of a text', () => {
  it.each([
    ['ru', 'ы', 201 - 7],
    ['en', 'a', 459 - 7],
  ])('may be three parts unless the operator says otherwise: %s', (language, letter, room) => {
    const name = `OTP_MESSAGE_${language.toUpperCase()}`;
    const text = (letters: number): string => `{code} ${letter.repeat(letters)}`;

    expect(faultsOf({ ...KEYS, [name]: text(room) })).toEqual([]);
    expect(faultsOf({ ...KEYS, [name]: text(room + 1) })).toEqual([
      expect.stringMatching(new RegExp(`^${name}: the text in ${language} takes 4 parts of SMS .*SMS_MAX_PARTS`)),
    ]);
    expect(faultsOf({ ...KEYS, [name]: text(room + 1), SMS_MAX_PARTS: '4' })).toEqual([]);
  });

  it('counts what the domain, the purpose and longer codes add', () => {
    const SMS_MAX_PARTS = '1';
    const fault: unknown = expect.arrayContaining([expect.stringContaining('the text in ru takes 2 parts')]);

    expect(faultsOf({ ...KEYS, SMS_MAX_PARTS })).toEqual([]);
    expect(faultsOf({ ...KEYS, SMS_MAX_PARTS, OTP_WEB_DOMAIN: 'consent.example' })).toEqual(fault);
    expect(faultsOf({ ...KEYS, SMS_MAX_PARTS, OTP_PURPOSE: 'обработку персональных данных в клубе' })).toEqual(fault);
    expect(faultsOf({ ...KEYS, SMS_MAX_PARTS, OTP_LENGTH: '10' })).toEqual(fault);
  });

  it('is told for each language', () => {
    const config = readConfig({ ...KEYS, TEXTS_DIR });

    expect(textSizes(config)).toEqual([
      { language: 'ru', encoding: 'UCS-2', length: 69, parts: 1 },
      { language: 'en', encoding: 'GSM-7', length: 109, parts: 1 },
      { language: 'de', encoding: 'GSM-7', length: 93, parts: 1 },
      { language: 'kk', encoding: 'UCS-2', length: 65, parts: 1 },
    ]);
  });

  it.each(Array.from({ length: 60 }, (_, minute) => minute + 1))('is one part in Russian for %s minutes', (minutes) => {
    const [size] = textSizes(readConfig({ ...KEYS, OTP_TTL: String(minutes * 60) }));

    expect(size).toMatchObject({ language: 'ru', parts: 1 });
  });
});

describe('the page about texts', () => {
  const page = readFileSync('docs/texts.md', 'utf8');

  it('has a file that is taken as it stands, and faults that are said so', () => {
    const [, file = ''] = /```json\n([^]*?)```/.exec(page) ?? [];
    expect(faultsIn(file, 'de.json')).toEqual([]);

    put('uk.json', { ...WHOLE, sms: undefined, sms_one: '{code}', sms_few: '{code}' });
    for (const fault of faultsOf({ ...KEYS, TEXTS_DIR: folder, OTP_MESSAGE_RU: '{code} www.example.com' })) {
      expect(page).toContain(`\n${fault}\n`);
    }
  });

  it('shows the texts of the service as they are, and what they take', () => {
    const config = readConfig(KEYS);
    for (const language of ['ru', 'en']) expect(page).toContain(`| ${config.message.texts.sms(language, '042137')} |`);
    for (const { encoding, length } of textSizes(config)) expect(page).toContain(`(${encoding}, ${length} of `);
  });
});
