import { Injectable } from '@nestjs/common';
import { Database, type Statement } from '../../database/index.js';
import type { SmsGateway, SmsMessage, SmsOutcome } from './sms-gateway.js';

const KEEP: Statement = {
  name: 'sandbox_keep',
  text: `INSERT INTO sandbox_message (id, reference, phone, text) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING`,
};

/** Sends nothing: keeps what it would have sent, for `GET /sandbox/messages`. Refused in production. */
@Injectable()
export class SandboxGateway implements SmsGateway {
  readonly name = 'sandbox';
  readonly deduplicates = true;

  constructor(private readonly database: Database) {}

  async send({ id, reference, to, text }: SmsMessage): Promise<SmsOutcome> {
    try {
      await this.database.query(KEEP, [id, reference, to.reveal(), text.reveal()]);
      return { kind: 'accepted', messageId: id };
    } catch {
      return { kind: 'try_later', reason: 'sandbox_unavailable', retryAfter: null };
    }
  }
}
