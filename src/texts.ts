import { createInstance, type i18n } from 'i18next';
import { gsmSafe } from './sms-parts.js';

/** The texts of one language by their keys, plural forms with the ending of i18next: `sms`, or `sms_one`, `sms_few` … */
export type Templates = Readonly<Record<string, string>>;

/** What the operator has set and every text may speak of. */
export interface TextSettings {
  /** For how many minutes a code is good, rounded down. */
  readonly minutes: number;
  /** In place of what each language calls it. */
  readonly purpose: string | undefined;
  /** Of the page where the code is typed. */
  readonly webDomain: string | undefined;
}

/** What a text is for. */
export type TextKey = 'sms' | 'subject' | 'mail';

const DEFAULT_LANGUAGE = 'ru';

/** The texts of the service, unless the operator has others. Russian: one part of 70 characters. */
export const BUILT_IN: Readonly<Record<'ru' | 'en', Templates>> = {
  ru: {
    sms_one: '{code} - код согласия на {purpose}. Срок {minutes} минута',
    sms_few: '{code} - код согласия на {purpose}. Срок {minutes} минуты',
    sms_many: '{code} - код согласия на {purpose}. Срок {minutes} минут',
    subject: 'Код согласия на {purpose}',
    mail_one: ruMail('{minutes} минуту'),
    mail_few: ruMail('{minutes} минуты'),
    mail_many: ruMail('{minutes} минут'),
    purpose: 'обработку персональных данных',
  },
  en: {
    sms_one: '{code} is your code to agree to {purpose}. It is valid for {minutes} minute. Do not share it.',
    sms_other: '{code} is your code to agree to {purpose}. It is valid for {minutes} minutes. Do not share it.',
    subject: 'Your code to agree to {purpose}',
    mail_one: enMail('{minutes} minute'),
    mail_other: enMail('{minutes} minutes'),
    purpose: 'the processing of personal data',
  },
};

function ruMail(minutes: string): string {
  return [
    'Ваш код согласия на {purpose}: {code}',
    `Он действует ${minutes}. Никому его не сообщайте.`,
    'Если вы его не запрашивали, ничего не делайте: без кода согласие не даётся.',
  ].join('\n\n');
}

function enMail(minutes: string): string {
  return [
    'Your code to agree to {purpose}: {code}',
    `It is valid for ${minutes}. Do not share it.`,
    'If you did not ask for it, do nothing: without the code nothing is agreed to.',
  ].join('\n\n');
}

/** What the service writes to people, in every language that it has. Nothing in it comes from a caller. */
export class Texts {
  readonly #i18n: i18n;
  readonly #settings: TextSettings;

  /** @param templates by language, checked: a text that is not there would come out as its key */
  constructor(
    readonly templates: ReadonlyMap<string, Templates>,
    settings: TextSettings,
  ) {
    this.#settings = settings;
    this.#i18n = createInstance();
    void this.#i18n.init({
      resources: Object.fromEntries([...templates].map(([language, texts]) => [language, { translation: texts }])),
      // Else it would look for a language by itself, and be ready only later.
      ...{ lng: DEFAULT_LANGUAGE, fallbackLng: false, load: 'currentOnly', initAsync: false },
      ...{ keySeparator: false, nsSeparator: false },
      interpolation: { prefix: '{', suffix: '}', escapeValue: false },
    });
  }

  /** What `locale` may be. */
  get languages(): readonly string[] {
    return [...this.templates.keys()];
  }

  /** The language itself; where its file has gone since the agreement was made, `pt` for `pt-BR`, and else Russian. */
  languageFor(locale: string): string {
    const [base = ''] = locale.split('-', 1);
    return [locale, base].find((language) => this.templates.has(language)) ?? DEFAULT_LANGUAGE;
  }

  /** One text with its values in it, and nothing around it. */
  render(locale: string, key: TextKey, code: string): string {
    const lng = this.languageFor(locale);
    const { minutes, purpose = this.templates.get(lng)?.['purpose'] ?? '' } = this.#settings;
    // Of what is filled in nothing is looked at again: `nest` would follow a `$t(…)` in it.
    return this.#i18n.t(key, { lng, count: minutes, code, minutes, purpose, nest: false });
  }

  /**
   * The text to a phone as it goes out. The last line binds the code to the operator's domain, so that a browser offers it
   * there and nowhere else (WICG origin-bound one-time codes; Apple's domain-bound codes have the same form).
   */
  sms(locale: string, code: string): string {
    const { webDomain } = this.#settings;
    const text = this.render(locale, 'sms', code);
    return gsmSafe(webDomain === undefined ? text : `${text}\n\n@${webDomain} #${code}`);
  }
}
