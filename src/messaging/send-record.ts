import { Injectable } from '@nestjs/common';
import { type AgreementEvent, type AgreementFacts, toIntegrationEvent } from '../agreement/index.js';
import { Batches, Database, DatabaseClock, DatabaseUnavailable, isUnavailable } from '../database/index.js';
import type { LimitName } from '../limits/index.js';
import { OutboxSignal } from '../outbox/index.js';
import { uuidv7 } from '../uuid.js';
import type { Try, Turn } from './provider-chain.js';
import { ACCEPTED, FAILED, NOT_CALLED, RESTORED, RETRY } from './send.sql.js';

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
  /** Who may be asked, in order. */
  readonly route: readonly string[];
  /** Those before this one, the oldest first. */
  readonly tries: readonly Try[];
  /** Who is asked now, or why nobody is. */
  readonly turn: Turn;
  /** When its code ends; null before it was issued. */
  readonly codeEnds: Date | null;
}

/** Why a send ended without reaching a provider; `delivery_reason` of the contract. */
export type SendFailure = 'refused' | 'unknown' | 'expired' | 'superseded' | 'closed' | 'limit';

/** How a try ended that was not accepted. */
type TryFailure = 'refused' | 'unknown' | 'try_later' | 'not_tried';

/** Longer than anybody's id of a text. */
const LONGEST_ID = 255;

/**
 * The provider's id of a text as it is kept. Whatever it says there, its acceptance must be recorded: what the database would
 * not take is no id.
 */
export function keptId(messageId: string | null): string | null {
  return messageId === null || messageId === '' || /\p{Cc}/u.test(messageId)
    ? null
    : messageId.slice(0, LONGEST_ID).toWellFormed();
}

/** Whether a provider took it before and a receipt has spoken of that: no event says it again when this round was in vain. */
export function isFurtherRound({ tries }: Pick<ClaimedSend, 'tries'>): boolean {
  return tries.some(({ outcome, receipt }) => outcome === 'accepted' && receipt !== null);
}

/** An acceptance as the statement takes it. */
interface Acceptance {
  readonly reference: string;
  readonly generation: number;
  readonly try: number;
}

/** Writes down how tries ended, each with its event in one statement. */
@Injectable()
export class SendRecord {
  readonly #acceptances = new Batches<Acceptance, void>(
    (rows) => this.#accept(rows),
    (error) => !isUnavailable(error),
    () => new DatabaseUnavailable('too many acceptances wait to be recorded'),
    ({ reference }) => reference,
  );

  constructor(
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    private readonly outbox: OutboxSignal,
  ) {}

  /** The provider has the text. */
  async accepted(send: ClaimedSend, facts: AgreementFacts, provider: string, messageId: string | null): Promise<void> {
    const { generation } = send;
    const { channel } = facts.contact;
    const [eventId, type, payload, at] = await this.#event({ name: 'CodeSent', generation, channel, provider }, facts);
    const row = {
      ...{ reference: send.reference, generation, try: send.try, provider, message_id: keptId(messageId) },
      ...{
        event_id: eventId,
        type,
        payload,
        at,
        detail: { generation, channel, provider },
        traceparent: send.traceparent,
      },
    };
    await this.#acceptances.add(row);
    this.outbox.notify();
  }

  /**
   * The send is over and reached nobody; or nobody else, and then it is as it was before this round.
   * @param provider null where none was asked
   */
  async failed(
    send: ClaimedSend,
    facts: AgreementFacts,
    provider: string | null,
    outcome: TryFailure,
    reason: SendFailure,
  ): Promise<void> {
    const { generation } = send;
    const { channel } = facts.contact;
    const key = [send.reference, generation, send.try, outcome, reason];
    if (isFurtherRound(send)) {
      await this.database.query(RESTORED, key);
      return;
    }
    // Where the agreement is over or a newer code is on its way, other events say so already.
    const silent = reason === 'closed' || reason === 'superseded';
    const event = silent
      ? [null, null, null, null]
      : await this.#event({ name: 'CodeUndelivered', generation, channel, provider, reason }, facts);
    const detail = { generation, channel, provider, reason };
    await this.database.query(FAILED, [...key, ...event, detail, send.traceparent]);
    this.outbox.notify();
  }

  /** Not taken, or nobody was asked: the next try is due in `then.wait` milliseconds, and of `then.provider`. */
  async retry(
    send: ClaimedSend,
    outcome: TryFailure,
    reason: string,
    then: { readonly wait: number; readonly provider: string | null },
  ): Promise<void> {
    const { reference, generation, try: tries } = send;
    const values = [reference, generation, tries, outcome, reason, then.wait / 1000, then.provider];
    await this.database.query(RETRY, values);
  }

  /** Nobody was called in this try. */
  async notCalled({ reference, generation, try: tries }: ClaimedSend): Promise<void> {
    await this.database.query(NOT_CALLED, [reference, generation, tries]);
  }

  /** Safe to repeat. */
  async #accept(rows: readonly Acceptance[]): Promise<void[]> {
    await this.database.query(ACCEPTED, [JSON.stringify(rows), rows.map(({ reference }) => reference)]);
    return rows.map(() => undefined);
  }

  /** Event id, type, payload and time, as the statements take them. */
  async #event(event: AgreementEvent, facts: AgreementFacts): Promise<[string, string, unknown, Date]> {
    const now = await this.clock.now();
    const { type, data } = toIntegrationEvent(event, facts, now);
    return [uuidv7(), type, data, now];
  }
}
