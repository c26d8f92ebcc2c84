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
import { ProviderLanes } from './provider-lanes.js';
import { Receipts } from './receipts.js';
import { SendAnswer } from './send-answer.js';
import { pauseAfter } from './send-pause.js';
import { type ClaimedSend, isFurtherRound, keptId, type SendFailure, SendRecord } from './send-record.js';
import type { SmsMessage, SmsOutcome, SmsTime } from './sms/sms-gateway.js';

const OUTCOMES: readonly SmsOutcome['kind'][] = ['accepted', 'refused', 'try_later', 'unknown'];
/** For what was sent in the last moment an answer is awaited so long; the lease is 5 s longer still. */
const LAST_ANSWER = 10_000;
/** What a code must have left to live where another provider took it already and could not deliver it. */
const LIFE_FOR_ANOTHER = 120_000;

/** Longer than a database takes to come back. By then the lease is over, but an acceptance is recorded all the same. */
const RECORDED_WITHIN = 60_000;
const RECORD_AGAIN = 250;

/** Carries out one try of one send: issue the code, call the provider outside any transaction, record the answer. */
@Injectable()
export class SendDispatch {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly lanes: ProviderLanes,
    private readonly commands: CommandBus,
    private readonly record: SendRecord,
    private readonly answer: SendAnswer,
    private readonly receipts: Receipts,
    private readonly clock: DatabaseClock,
    private readonly metrics: Metrics,
  ) {
    // What was never counted is zero: a first failure is else no increase.
    for (const provider of lanes.names) {
      for (const outcome of OUTCOMES) metrics.sends.inc({ provider, outcome }, 0);
    }
  }

  /**
   * @param claimedAt when the claim was asked for, by `performance.now()`: no later than it was made
   * @param cut ends the call of the provider before its time
   * @returns milliseconds until the next try; null where there is none
   * @throws DatabaseUnavailable; the lease then brings the send back
   */
  async dispatch(send: ClaimedSend, claimedAt: number, cut: AbortSignal): Promise<number | null> {
    const issued = await this.#issue(send, cut);
    if (typeof issued === 'number') return issued;
    const { issue, facts, requestedAt } = issued;
    const { turn } = send;
    if (issue.kind === 'obsolete') return this.#giveUp(send, facts, null, issue.reason);
    const sendBefore = lastMoment(send, issue.sendBefore);
    if (turn.kind === 'end') return this.#giveUp(send, facts, send.tries.at(-1)?.provider ?? null, turn.reason);
    if (send.claimed_at >= sendBefore) return this.#giveUp(send, facts, null, 'expired');
    const { locale, contact } = facts;
    const texts = messageText(issue.code, { locale, channel: contact.channel }, this.config);
    const message = { id: send.id, reference: send.reference, to: contact.address ?? new Secret(''), ...texts };
    const time = this.#timeFor(send, claimedAt, { sendBefore, usefulBefore: issue.sendBefore }, cut);
    failpoint('sender.issued');
    const outcome = await this.#send(turn.provider, message, time);
    failpoint('sender.answered');
    this.#log(send, outcome.kind, 'reason' in outcome ? { reason: outcome.reason } : {});
    const wait = await this.#insist(() => this.answer.record(send, turn.provider, facts, outcome, sendBefore), cut);
    failpoint('sender.recorded');
    if (outcome.kind === 'accepted') {
      await this.#insist(() => this.#noteDelay(requestedAt), cut);
      const messageId = keptId(outcome.messageId);
      const ids = messageId === null ? [send.id] : [messageId, send.id];
      await this.receipts.settle(turn.provider, ids);
    }
    return wait;
  }

  async #giveUp(send: ClaimedSend, facts: AgreementFacts, provider: string | null, reason: SendFailure): Promise<null> {
    this.#log(send, 'not sent', { reason, ...(send.limit ? { limit: send.limit } : {}) });
    await this.record.failed(send, facts, provider, 'not_tried', reason);
    return null;
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
  #timeFor(
    send: ClaimedSend,
    claimedAt: number,
    ends: { readonly sendBefore: Date; readonly usefulBefore: Date },
    cut: AbortSignal,
  ): SmsTime {
    const { timeout } = this.config.sms;
    const monotonic = (at: Date): number => claimedAt + at.getTime() - send.claimed_at.getTime();
    const usefulBefore = monotonic(ends.usefulBefore);
    const sendBefore = Math.min(claimedAt + timeout, monotonic(ends.sendBefore));
    const left = claimedAt + timeout + LAST_ANSWER - performance.now();
    const answered = AbortSignal.timeout(Math.max(0, Math.floor(Math.min(timeout, left))));
    return { sendBefore, usefulBefore, signal: AbortSignal.any([answered, cut]) };
  }

  async #send(provider: string, message: SmsMessage, time: SmsTime): Promise<SmsOutcome> {
    const gateway = this.lanes.gateway(provider);
    if (!gateway) throw new Error(`whose turn it is has a gateway; ${provider} has none`);
    const startedAt = performance.now();
    const outcome = await gateway.send(message, time);
    this.lanes.note(provider, outcome, startedAt);
    this.metrics.sendDuration.observe({ provider, outcome: outcome.kind }, (performance.now() - startedAt) / 1000);
    this.metrics.sends.inc({ provider, outcome: outcome.kind });
    return outcome;
  }

  async #noteDelay(requestedAt: Date): Promise<void> {
    const now = await this.clock.now();
    this.metrics.requestToSend.observe(Math.max(0, now.getTime() - requestedAt.getTime()) / 1000);
  }

  async #issue(send: ClaimedSend, cut: AbortSignal) {
    try {
      return await this.commands.execute(
        new IssueCode(send.reference, send.generation, send.traceparent, send.limit !== null),
      );
    } catch (error) {
      if (error instanceof UnknownCodeKey) return this.#waitForKey(send, error.keyId);
      // Else the try would read as one that the provider may have got.
      await this.#insist(() => this.record.notCalled(send), cut).catch(() => undefined);
      throw error;
    }
  }

  async #waitForKey(send: ClaimedSend, keyId: string): Promise<number> {
    this.logger.error({ reference: send.reference, key_id: keyId }, 'the code cannot be made: OTP key unknown');
    const wait = pauseAfter(send.try);
    const provider = send.turn.kind === 'call' ? send.turn.provider : null;
    await this.record.retry(send, 'not_tried', 'key_unknown', { wait, provider });
    return wait;
  }

  #log(
    { reference, generation, try: tries, turn }: ClaimedSend,
    outcome: string,
    more: { reason?: string; limit?: string },
  ): void {
    const provider = turn.kind === 'call' ? turn.provider : null;
    this.logger.info({ reference, generation, try: tries, provider, outcome, ...more }, 'send');
  }
}

/** No try may start then or later. */
function lastMoment(send: ClaimedSend, sendBefore: Date): Date {
  if (!isFurtherRound(send) || !send.codeEnds) return sendBefore;
  return new Date(Math.min(sendBefore.getTime(), send.codeEnds.getTime() - LIFE_FOR_ANOTHER));
}
