import type { Database } from '../../database/index.js';
import { KEEP } from '../sandbox/switches.sql.js';
import type { SmsGateway, SmsMessage, SmsOutcome, TakeReceipt } from './sms-gateway.js';

/** Who switches the provider on again does not want to wait long for the text. */
const DOWN_AGAIN = 2_000;

/**
 * Sends nothing: keeps what it would have sent, for `GET /sandbox/messages`, and fails where somebody wants to see that
 * (`PUT /sandbox/switches`). Refused in production.
 */
export class SandboxGateway implements SmsGateway {
  readonly name = 'sandbox';
  readonly deduplicates = true;

  constructor(
    private readonly database: Database,
    private readonly take: TakeReceipt,
  ) {}

  async send({ id, reference, to, text, mail }: SmsMessage): Promise<SmsOutcome> {
    try {
      const content = [mail ? 'email' : 'sms', mail?.subject ?? null, mail?.html.reveal() ?? null];
      const values = [id, reference, to.reveal(), text.reveal(), ...content];
      const [kept] = await this.database.query<{ undelivered: boolean }>(KEEP, values);
      if (!kept) return { kind: 'try_later', reason: 'sandbox_down', retryAfter: DOWN_AGAIN };
      // Before the acceptance, as some providers do: a process that dies in between says it again at the next try.
      if (kept.undelivered) {
        const receipt = { provider: this.name, messageIds: [id], recipient: to, reason: 'absent' } as const;
        await this.take({ ...receipt, state: 'undelivered' });
      }
      return { kind: 'accepted', messageId: id };
    } catch {
      return { kind: 'try_later', reason: 'sandbox_unavailable', retryAfter: null };
    }
  }
}
