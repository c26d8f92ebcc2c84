import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from './environment.js';
import type { Config } from './settings.js';
import { hostName } from './settings.readers.js';
import { type Parts, partsOf } from './sms-parts.js';
import { holdsLink, NO_LINK, textFault, wantedKeys } from './text-rules.js';
import { BUILT_IN, type Templates, Texts } from './texts.js';

/** A language of BCP 47 in its canonical form: kk, pt-BR, sr-Latn. */
const LANGUAGE_FILE = /^([A-Za-z0-9-]{2,35})\.json$/;
const LARGEST_FILE = 65_536;
const MOST_FILES = 100;

/** Who gets the blame for the texts of a language: the name of a setting, and where in it. */
interface Source {
  readonly name: string;
  readonly where: string;
}

/** What is written to people: the texts of the service, of `TEXTS_DIR`, and of the settings with a text in them. */
export function messageSettings(env: Environment, otp: Config['otp']): Config['message'] {
  const faultsBefore = env.faults.length;
  const purpose = env.text('OTP_PURPOSE');
  const webDomain = env.parsed('OTP_WEB_DOMAIN', 'a domain name without scheme or path', hostName);
  const maxParts = env.integer('SMS_MAX_PARTS', 3, 1, 10);
  const templates = new Map<string, Templates>(Object.entries(BUILT_IN));
  const sources = new Map<string, Source>();
  readDirectory(env, templates, sources);
  for (const language of ['ru', 'en']) readSetting(env, language, templates, sources);
  const fault = purpose === undefined ? undefined : textFault('purpose', purpose);
  if (fault !== undefined) env.fault('OTP_PURPOSE', fault);
  const minutes = Math.max(1, Math.floor(otp.ttl / 60_000));
  for (const [language, texts] of templates) {
    const source = sources.get(language);
    if (source) checkComplete(env, source, language, texts, purpose);
  }
  const texts = new Texts(templates, { minutes, purpose, webDomain });
  if (env.faults.length === faultsBefore) {
    const otherwise = { name: purpose === undefined ? 'SMS_MAX_PARTS' : 'OTP_PURPOSE', where: '' };
    for (const language of texts.languages) {
      checkWritten(env, sources.get(language) ?? otherwise, texts, language, { digits: otp.length, maxParts });
    }
  }
  return { texts, purpose, webDomain, maxParts };
}

/** A line for each language: what its text takes as an SMS. */
export function textSizes({ message, otp }: Pick<Config, 'message' | 'otp'>) {
  return message.texts.languages.map((language) => ({ language, ...sizeOf(message.texts, language, otp.length) }));
}

/** What was counted already; counting takes longer than reading all other settings together. */
const SIZES = new Map<string, Parts>();
const MOST_SIZES = 1000;

/** No digit is longer than another. */
function sizeOf(texts: Texts, language: string, digits: number): Parts {
  const text = texts.sms(language, '0'.repeat(digits));
  const size = SIZES.get(text) ?? partsOf(text);
  if (SIZES.size < MOST_SIZES) SIZES.set(text, size);
  return size;
}

function readDirectory(env: Environment, templates: Map<string, Templates>, sources: Map<string, Source>): void {
  const directory = env.text('TEXTS_DIR');
  if (directory === undefined) return;
  const names = namesIn(env, directory);
  if (names.length > MOST_FILES) env.fault('TEXTS_DIR', `must hold no more than ${MOST_FILES} files`);
  for (const name of names.slice(0, MOST_FILES)) {
    const language = LANGUAGE_FILE.exec(name)?.[1] ?? '';
    if (!isLanguage(language)) {
      env.fault('TEXTS_DIR', `${shown(name)}: must be named after a language, such as kk.json or pt-BR.json`);
      continue;
    }
    const texts = readTexts(env, join(directory, name), name);
    if (!texts) continue;
    templates.set(language, merged(templates.get(language) ?? {}, texts));
    sources.set(language, { name: 'TEXTS_DIR', where: `${name}: ` });
  }
}

/** Files that do not end with .json are somebody else's. */
function namesIn(env: Environment, directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith('.json'))
      .sort();
  } catch (error) {
    env.fault('TEXTS_DIR', `the directory cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
    return [];
  }
}

function isLanguage(name: string): boolean {
  try {
    return Intl.getCanonicalLocales(name)[0] === name && Intl.PluralRules.supportedLocalesOf(name).length > 0;
  } catch {
    return false;
  }
}

/** Its texts, each without a fault; undefined where the file itself is not what it should be. */
function readTexts(env: Environment, path: string, name: string): Templates | undefined {
  const content = contentOf(env, path, name);
  if (content === undefined) return undefined;
  const parsed = parse(content);
  if (!parsed) {
    env.fault('TEXTS_DIR', `${name}: must be JSON, one object of texts`);
    return undefined;
  }
  const texts: Record<string, string> = {};
  for (const [key, value] of Object.entries(parsed)) {
    const text = typeof value === 'string' ? value.replaceAll('\r\n', '\n') : '';
    const fault = textFault(key, text);
    if (fault === undefined) texts[key] = text;
    else env.fault('TEXTS_DIR', `${name}: ${shown(key)} ${fault}`);
  }
  return texts;
}

function contentOf(env: Environment, path: string, name: string): string | undefined {
  try {
    const stat = statSync(path);
    if (stat.isFile() && stat.size <= LARGEST_FILE) return readFileSync(path, 'utf8').replace(/^\ufeff/, '');
    env.fault('TEXTS_DIR', `${name}: must be a file of 64 KiB at most`);
  } catch (error) {
    env.fault('TEXTS_DIR', `${name}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
  return undefined;
}

function parse(content: string): object | undefined {
  try {
    const value: unknown = JSON.parse(content);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function readSetting(
  env: Environment,
  language: string,
  templates: Map<string, Templates>,
  sources: Map<string, Source>,
): void {
  const name = `OTP_MESSAGE_${language.toUpperCase()}`;
  const text = env.text(name)?.replaceAll('\r\n', '\n');
  if (text === undefined) return;
  const fault = textFault('sms', text);
  if (fault !== undefined) env.fault(name, fault);
  templates.set(language, merged(templates.get(language) ?? {}, { sms: text }));
  sources.set(language, { name, where: '' });
}

/** A text takes the place of all plural forms of what was there, and so does one of its forms. */
function merged(before: Templates, after: Templates): Templates {
  const replaced = new Set(Object.keys(after).map(kindOf));
  return { ...Object.fromEntries(Object.entries(before).filter(([key]) => !replaced.has(kindOf(key)))), ...after };
}

function kindOf(key: string): string {
  return key.split('_', 1)[0] ?? key;
}

function checkComplete(
  env: Environment,
  { name, where }: Source,
  language: string,
  texts: Templates,
  purpose: string | undefined,
): void {
  // What is named already would be named a second time as missing.
  if (env.faults.some((fault) => fault.startsWith(`${name}: ${where}`))) return;
  for (const missing of wantedKeys(language, texts, purpose !== undefined)) {
    env.fault(name, `${where}${missing} is missing`);
  }
}

/** What only the whole text shows. */
function checkWritten(
  env: Environment,
  { name, where }: Source,
  texts: Texts,
  language: string,
  { digits, maxParts }: { readonly digits: number; readonly maxParts: number },
): void {
  const { parts, encoding, length } = sizeOf(texts, language, digits);
  if (parts > maxParts) {
    const size = `${parts} parts of SMS (${encoding}, ${length} long), more than SMS_MAX_PARTS allows`;
    env.fault(name, `${where}the text in ${language} takes ${size}`);
  }
  for (const key of ['sms', 'subject', 'mail'] as const) {
    if (!holdsLink(texts.render(language, key, '0'.repeat(digits)))) continue;
    env.fault(name, `${where}${key} in ${language}, with its values in it, ${NO_LINK}`);
  }
}

/** A name out of a file or a directory, fit for a line of text. */
function shown(name: string): string {
  return JSON.stringify(name.slice(0, 40));
}
