import { randomInt } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { type AgreementFacts, IssueCode, UnknownCodeKey } from '../agreement/index.js';
import { CONFIG, type Config } from '../config.js';
import { DatabaseClock } from '../database/index.js';
import { type Logger, LOGGER } from '../logger.js';
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

  /** @throws DatabaseUnavailable; the lease then brings the send back */
  async dispatch(send: ClaimedSend): Promise<void> {
    const issued = await this.#issue(send);
    if (!issued) return;
    const { issue, facts } = issued;
    if (issue.kind === 'obsolete') {
      this.#log(send, 'not sent', { reason: issue.reason });
      return this.record.failed(send, facts, null, 'not_tried', issue.reason);
    }
    const text = messageText(issue.code, facts.locale, this.config);
    const message = { id: send.id, reference: send.reference, to: facts.contact.address ?? '', text };
    const outcome = await this.gateway.send(message, AbortSignal.timeout(this.config.sms.timeout));
    this.#log(send, outcome.kind, 'reason' in outcome ? { reason: outcome.reason } : {});
    await this.#record(send, facts, outcome, issue.sendBefore);
  }

  async #issue(send: ClaimedSend) {
    try {
      return await this.commands.execute(new IssueCode(send.reference, send.generation, send.traceparent));
    } catch (error) {
      if (!(error instanceof UnknownCodeKey)) throw error;
      this.logger.error({ reference: send.reference, key_id: error.keyId }, 'the code cannot be made: OTP key unknown');
      await this.record.retry(send, 'try_later', 'key_unknown', pauseAfter(send.try));
      return undefined;
    }
  }

  async #record(send: ClaimedSend, facts: AgreementFacts, outcome: SmsOutcome, sendBefore: Date): Promise<void> {
    const provider = this.gateway.name;
    switch (outcome.kind) {
      case 'accepted':
        return this.record.accepted(send, facts, provider, outcome.messageId);
      case 'refused':
        return this.record.failed(send, facts, provider, 'refused', 'refused');
      case 'unknown':
        if (!this.gateway.deduplicates) return this.record.failed(send, facts, provider, 'unknown', 'unknown');
        return this.#retryOrGiveUp(send, facts, outcome, pauseAfter(send.try), sendBefore);
      case 'try_later': {
        const wait = outcome.retryAfter ?? pauseAfter(send.try);
        return this.#retryOrGiveUp(send, facts, outcome, wait, sendBefore);
      }
    }
  }

  async #retryOrGiveUp(
    send: ClaimedSend,
    facts: AgreementFacts,
    outcome: { readonly kind: 'try_later' | 'unknown'; readonly reason: string },
    wait: number,
    sendBefore: Date,
  ): Promise<void> {
    const now = await this.clock.now();
    const inTime = now.getTime() + wait < sendBefore.getTime();
    if (inTime) return this.record.retry(send, outcome.kind, outcome.reason, wait);
    return this.record.failed(send, facts, this.gateway.name, outcome.kind, 'expired');
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
