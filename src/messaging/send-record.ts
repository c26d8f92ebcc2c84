import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type AgreementEvent, type AgreementFacts, toIntegrationEvent } from '../agreement/index.js';
import { Database, DatabaseClock } from '../database/index.js';
import type { LimitName } from '../limits/index.js';
import { OutboxSignal } from '../outbox/index.js';
import { ACCEPTED, FAILED, RETRY } from './send.sql.js';

/** One try of one send, as it was claimed. */
export interface ClaimedSend {
  readonly reference: string;
  readonly generation: number;
  /** The same for every try. */
  readonly id: string;
  readonly try: number;
  readonly traceparent: string | null;
  /** By the database's clock. */
  readonly claimed_at: Date;
  /** What stands against it; null where it may go out. */
  readonly limit: LimitName | null;
}

/** Why a send ended without reaching a provider; `delivery_reason` of the contract. */
export type SendFailure = 'refused' | 'unknown' | 'expired' | 'superseded' | 'closed' | 'limit';

/** Writes down how tries ended, each with its event in one statement. */
@Injectable()
export class SendRecord {
  constructor(
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    private readonly outbox: OutboxSignal,
  ) {}

  /** The provider has the text. */
  async accepted(send: ClaimedSend, facts: AgreementFacts, provider: string, messageId: string | null): Promise<void> {
    const { generation } = send;
    const { channel } = facts.contact;
    const event = await this.#event({ name: 'CodeSent', generation, channel, provider }, facts);
    const detail = { generation, channel, provider };
    await this.database.query(ACCEPTED, [
      ...[send.reference, generation, send.try, provider, messageId],
      ...[...event, detail, send.traceparent],
    ]);
    this.outbox.notify();
  }

  /**
   * The send is over and reached nobody.
   * @param provider null where none was asked
   */
  async failed(
    send: ClaimedSend,
    facts: AgreementFacts,
    provider: string | null,
    outcome: 'refused' | 'unknown' | 'try_later' | 'not_tried',
    reason: SendFailure,
  ): Promise<void> {
    const { generation } = send;
    const { channel } = facts.contact;
    // Where the agreement is over or a newer code is on its way, other events say so already.
    const silent = reason === 'closed' || reason === 'superseded';
    const event = silent
      ? [null, null, null, null]
      : await this.#event({ name: 'CodeUndelivered', generation, channel, provider, reason }, facts);
    const detail = { generation, channel, provider, reason };
    const key = [send.reference, generation, send.try, outcome, reason];
    await this.database.query(FAILED, [...key, ...event, detail, send.traceparent]);
    this.outbox.notify();
  }

  /** @param wait milliseconds until the next try */
  async retry(send: ClaimedSend, outcome: 'try_later' | 'unknown', reason: string, wait: number): Promise<void> {
    await this.database.query(RETRY, [send.reference, send.generation, send.try, outcome, reason, wait / 1000]);
  }

  /** Event id, type, payload and time, as the statements take them. */
  async #event(event: AgreementEvent, facts: AgreementFacts): Promise<[string, string, unknown, Date]> {
    const now = await this.clock.now();
    const { type, data } = toIntegrationEvent(event, facts, now);
    return [uuidv7(), type, data, now];
  }
}
