import { randomInt } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { type AgreementFacts, IssueCode, UnknownCodeKey } from '../agreement/index.js';
import { CONFIG, type Config } from '../config.js';
import { DatabaseClock } from '../database/index.js';
import { failpoint } from '../failpoint.js';
import { LOGGER, type Logger } from '../logger.js';
import { messageText } from './message-text.js';
import { type ClaimedSend, SendRecord } from './send-record.js';
import { SMS_GATEWAY, type SmsGateway, type SmsOutcome } from './sms/sms-gateway.js';

const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;

/** Carries out one try of one send: issue the code, call the provider outside any transaction, record the answer. */
@Injectable()
export class SendDispatch {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(SMS_GATEWAY) private readonly gateway: SmsGateway,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly commands: CommandBus,
    private readonly record: SendRecord,
    private readonly clock: DatabaseClock,
  ) {}

  /**
   * @param cut ends the call of the provider before its time
   * @returns milliseconds until the next try; null where there is none
   * @throws DatabaseUnavailable; the lease then brings the send back
   */
  async dispatch(send: ClaimedSend, cut: AbortSignal): Promise<number | null> {
    const issued = await this.#issue(send);
    if (typeof issued === 'number') return issued;
    const { issue, facts } = issued;
    if (issue.kind === 'obsolete') {
      this.#log(send, 'not sent', { reason: issue.reason });
      await this.record.failed(send, facts, null, 'not_tried', issue.reason);
      return null;
    }
    const text = messageText(issue.code, facts.locale, this.config);
    const message = { id: send.id, reference: send.reference, to: facts.contact.address ?? '', text };
    const end = AbortSignal.any([AbortSignal.timeout(this.config.sms.timeout), cut]);
    failpoint('sender.issued');
    const outcome = await this.gateway.send(message, end);
    failpoint('sender.answered');
    this.#log(send, outcome.kind, 'reason' in outcome ? { reason: outcome.reason } : {});
    const wait = await this.#record(send, facts, outcome, issue.sendBefore);
    failpoint('sender.recorded');
    return wait;
  }

  async #issue(send: ClaimedSend) {
    try {
      return await this.commands.execute(new IssueCode(send.reference, send.generation, send.traceparent));
    } catch (error) {
      if (!(error instanceof UnknownCodeKey)) throw error;
      this.logger.error({ reference: send.reference, key_id: error.keyId }, 'the code cannot be made: OTP key unknown');
      const wait = pauseAfter(send.try);
      await this.record.retry(send, 'try_later', 'key_unknown', wait);
      return wait;
    }
  }

  async #record(
    send: ClaimedSend,
    facts: AgreementFacts,
    outcome: SmsOutcome,
    sendBefore: Date,
  ): Promise<number | null> {
    const provider = this.gateway.name;
    switch (outcome.kind) {
      case 'accepted':
        await this.record.accepted(send, facts, provider, outcome.messageId);
        return null;
      case 'refused':
        await this.record.failed(send, facts, provider, 'refused', 'refused');
        return null;
      case 'unknown':
        if (this.gateway.deduplicates) return this.#retryOrGiveUp(send, facts, outcome, null, sendBefore);
        await this.record.failed(send, facts, provider, 'unknown', 'unknown');
        return null;
      case 'try_later':
        return this.#retryOrGiveUp(send, facts, outcome, outcome.retryAfter, sendBefore);
    }
  }

  async #retryOrGiveUp(
    send: ClaimedSend,
    facts: AgreementFacts,
    { kind, reason }: { readonly kind: 'try_later' | 'unknown'; readonly reason: string },
    retryAfter: number | null,
    sendBefore: Date,
  ): Promise<number | null> {
    // A provider that says "at once" while it fails would be asked in a tight loop.
    const wait = retryAfter === null ? pauseAfter(send.try) : Math.max(FIRST_PAUSE, retryAfter);
    const now = await this.clock.now();
    if (now.getTime() + wait < sendBefore.getTime()) {
      await this.record.retry(send, kind, reason, wait);
      return wait;
    }
    await this.record.failed(send, facts, this.gateway.name, kind, 'expired');
    return null;
  }

  #log({ reference, generation, try: tries }: ClaimedSend, outcome: string, more: { reason?: string }): void {
    this.logger.info({ reference, generation, try: tries, provider: this.gateway.name, outcome, ...more }, 'send');
  }
}

/** Doubling, up to a minute, and never two senders in step. */
function pauseAfter(tries: number): number {
  const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(tries - 1, 10));
  return randomInt(longest / 2, longest + 1);
}
