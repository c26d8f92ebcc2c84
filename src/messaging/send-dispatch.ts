import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { type AgreementFacts, IssueCode, UnknownCodeKey } from '../agreement/index.js';
import { CONFIG, type Config } from '../config.js';
import { DatabaseClock, isUnavailable } from '../database/index.js';
import { failpoint } from '../failpoint.js';
import { LOGGER, type Logger } from '../logger.js';
import { Metrics } from '../metrics.js';
import { Secret } from '../secret.js';
import { messageText } from './message-text.js';
import { type ClaimedSend, SendRecord } from './send-record.js';
import { SMS_GATEWAY, type SmsGateway, type SmsMessage, type SmsOutcome, type SmsTime } from './sms/sms-gateway.js';

const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;
const OUTCOMES: readonly SmsOutcome['kind'][] = ['accepted', 'refused', 'try_later', 'unknown'];
/** For what was sent in the last moment an answer is awaited so long; the lease is 5 s longer still. */
const LAST_ANSWER = 10_000;

/** Longer than a database takes to come back. By then the lease is over, but an acceptance is recorded all the same. */
const RECORDED_WITHIN = 60_000;
const RECORD_AGAIN = 250;

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
    private readonly metrics: Metrics,
  ) {
    // What was never counted is zero: a first failure is else no increase.
    for (const outcome of OUTCOMES) metrics.sends.inc({ provider: gateway.name, outcome }, 0);
  }

  /**
   * @param claimedAt when the claim was asked for, by `performance.now()`: no later than it was made
   * @param cut ends the call of the provider before its time
   * @returns milliseconds until the next try; null where there is none
   * @throws DatabaseUnavailable; the lease then brings the send back
   */
  async dispatch(send: ClaimedSend, claimedAt: number, cut: AbortSignal): Promise<number | null> {
    const issued = await this.#issue(send);
    if (typeof issued === 'number') return issued;
    const { issue, facts, requestedAt } = issued;
    if (issue.kind === 'obsolete') {
      this.#log(send, 'not sent', { reason: issue.reason, ...(send.limit ? { limit: send.limit } : {}) });
      await this.record.failed(send, facts, null, 'not_tried', issue.reason);
      return null;
    }
    const text = messageText(issue.code, facts.locale, this.config);
    const message = { id: send.id, reference: send.reference, to: facts.contact.address ?? new Secret(''), text };
    const time = this.#timeFor(send, claimedAt, issue.sendBefore, cut);
    failpoint('sender.issued');
    const outcome = await this.#send(message, time);
    failpoint('sender.answered');
    this.#log(send, outcome.kind, 'reason' in outcome ? { reason: outcome.reason } : {});
    const wait = await this.#insist(() => this.#record(send, facts, outcome, issue.sendBefore), cut);
    failpoint('sender.recorded');
    if (outcome.kind === 'accepted') await this.#insist(() => this.#noteDelay(requestedAt), cut);
    return wait;
  }

  /**
   * What the provider has said is asked for only once: while the database is away for a moment it is kept, because a text
   * that is not known to be taken goes out again when its lease is over. Each statement is safe to repeat.
   */
  async #insist<T>(record: () => Promise<T>, cut: AbortSignal): Promise<T> {
    const giveUpAt = performance.now() + RECORDED_WITHIN;
    for (;;) {
      try {
        return await record();
      } catch (error) {
        if (!isUnavailable(error) || cut.aborted || performance.now() > giveUpAt) throw error;
        await delay(RECORD_AGAIN, undefined, { signal: cut }).catch(() => undefined);
      }
    }
  }

  /**
   * Everything counts from before the claim was sent off, by the monotonic clock: whenever and for however long the
   * process was stopped since, it finds itself late, never early.
   */
  #timeFor(send: ClaimedSend, claimedAt: number, codeEnds: Date, cut: AbortSignal): SmsTime {
    const { timeout } = this.config.sms;
    const sendBefore = claimedAt + Math.min(timeout, codeEnds.getTime() - send.claimed_at.getTime());
    const left = claimedAt + timeout + LAST_ANSWER - performance.now();
    const answered = AbortSignal.timeout(Math.max(0, Math.floor(Math.min(timeout, left))));
    return { sendBefore, signal: AbortSignal.any([answered, cut]) };
  }

  async #send(message: SmsMessage, time: SmsTime): Promise<SmsOutcome> {
    const provider = this.gateway.name;
    const startedAt = performance.now();
    const outcome = await this.gateway.send(message, time);
    this.metrics.sendDuration.observe({ provider, outcome: outcome.kind }, (performance.now() - startedAt) / 1000);
    this.metrics.sends.inc({ provider, outcome: outcome.kind });
    return outcome;
  }

  async #noteDelay(requestedAt: Date): Promise<void> {
    const now = await this.clock.now();
    this.metrics.requestToSend.observe(Math.max(0, now.getTime() - requestedAt.getTime()) / 1000);
  }

  async #issue(send: ClaimedSend) {
    try {
      return await this.commands.execute(
        new IssueCode(send.reference, send.generation, send.traceparent, send.limit !== null),
      );
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

  #log(
    { reference, generation, try: tries }: ClaimedSend,
    outcome: string,
    more: { reason?: string; limit?: string },
  ): void {
    this.logger.info({ reference, generation, try: tries, provider: this.gateway.name, outcome, ...more }, 'send');
  }
}

/** Doubling, up to a minute, and never two senders in step. */
function pauseAfter(tries: number): number {
  const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(tries - 1, 10));
  return randomInt(longest / 2, longest + 1);
}
