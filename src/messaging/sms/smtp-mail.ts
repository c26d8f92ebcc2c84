import { Readable } from 'node:stream';
import MailComposer from 'nodemailer/lib/mail-composer';
import type { SmtpSettings } from '../../config.js';
import type { SmsMessage } from './sms-gateway.js';
import { NotSent } from './timely-post.js';

/** The same at every try of one code: made from the send's id and the sender's domain (RFC 5322 §3.6.4). */
export function messageIdOf({ id }: SmsMessage, { sender }: SmtpSettings): string {
  return `<${id}@${sender.address.split('@').at(-1) ?? ''}>`;
}

/** The mail as it goes over the wire: text and HTML, and nothing that is fetched from anywhere. */
export async function mailOf(message: SmsMessage, settings: SmtpSettings): Promise<Buffer> {
  const { mail, text, to } = message;
  const composed = new MailComposer({
    from: settings.sender,
    to: { name: '', address: to.reveal() },
    subject: mail?.subject ?? '',
    text: text.reveal(),
    ...(mail ? { html: mail.html.reveal() } : {}),
    messageId: messageIdOf(message, settings),
    date: new Date(),
    // No "I am on holiday" in return (RFC 3834 §5).
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composed.compile().build();
}

/**
 * What is sent after the server has said that it may be: looks at the clock when it is asked for, and gives all of it in
 * the same breath. A process that was stopped while it waited for the server sends nothing when it goes on.
 */
export class TimelyContent extends Readable {
  #begun = false;

  /** @param sendBefore by `performance.now()` */
  constructor(
    private readonly content: Buffer,
    private readonly sendBefore: number,
  ) {
    super();
  }

  /** Whether the server may have all of it. */
  get begun(): boolean {
    return this.#begun;
  }

  override _read(): void {
    if (performance.now() >= this.sendBefore) {
      this.destroy(new NotSent('late'));
      return;
    }
    this.#begun = true;
    this.push(this.content);
    this.push(null);
  }
}
