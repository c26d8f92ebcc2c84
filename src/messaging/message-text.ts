import type { Config } from '../config.js';
import { Secret } from '../secret.js';
import { mailHtml } from './mail-html.js';
import type { SmsMessage } from './sms/sms-gateway.js';

/** What decides how a code is written to somebody: nothing else of an agreement gets into the text. */
export interface Addressee {
  /** One of the languages that there were when the agreement was made. */
  readonly locale: string;
  readonly channel: 'sms' | 'email';
}

/** The text that carries a code: of the operator's words alone, as an SMS or as a mail. */
export function messageText(
  code: Secret<string>,
  { locale, channel }: Addressee,
  { message: { texts } }: Pick<Config, 'message'>,
): Pick<SmsMessage, 'text' | 'mail'> {
  const digits = code.reveal();
  if (channel === 'sms') return { text: new Secret(texts.sms(locale, digits)), mail: null };
  const subject = texts.render(locale, 'subject', '');
  const html = mailHtml(texts.languageFor(locale), subject, (mark) => texts.render(locale, 'mail', mark), digits);
  return { text: new Secret(texts.render(locale, 'mail', digits)), mail: { subject, html: new Secret(html) } };
}
