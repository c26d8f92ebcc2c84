import { Injectable } from '@nestjs/common';
import type { AgreementFacts } from '../agreement/index.js';
import { DatabaseClock } from '../database/index.js';
import { type Chain, handedTo, stepAfter, wasCalled } from './provider-chain.js';
import { ProviderLanes } from './provider-lanes.js';
import { TOO_LATE } from './send.sql.js';
import { FIRST_PAUSE, pauseAfter } from './send-pause.js';
import { type ClaimedSend, SendRecord } from './send-record.js';
import type { SmsOutcome } from './sms/sms-gateway.js';

/** Milliseconds before the last moment to send: enough for a claim, so that a pause that ends then is not in vain. */
const LAST_LOOK = 500;
/** Milliseconds; whoever takes as long to fail has cost the person enough. */
const LONG = 2_000;

type Unaccepted = Exclude<SmsOutcome, { kind: 'accepted' }>;

/** Draws the consequence of what a provider answered: taken, again, somebody else, or over. */
@Injectable()
export class SendAnswer {
  constructor(
    private readonly lanes: ProviderLanes,
    private readonly send: SendRecord,
    private readonly clock: DatabaseClock,
  ) {}

  /**
   * @param sendBefore no try may start then or later
   * @returns milliseconds until the next try; null where there is none
   * @throws DatabaseUnavailable; safe to repeat
   */
  async record(
    send: ClaimedSend,
    provider: string,
    facts: AgreementFacts,
    outcome: SmsOutcome,
    sendBefore: Date,
  ): Promise<number | null> {
    if (outcome.kind === 'accepted') {
      await this.send.accepted(send, facts, provider, outcome.messageId);
      return null;
    }
    const now = await this.clock.now();
    const left = sendBefore.getTime() - now.getTime();
    const named = namedPause(outcome);
    const tooLate = named !== null && named >= left;
    const tries = [...send.tries, { provider, outcome: outcome.kind, receipt: null, tooLate }];
    const deduplicates = (name: string): boolean | undefined => this.lanes.gateway(name)?.deduplicates;
    const chain = { route: send.route, tries, deduplicates };
    const wait = named ?? ownPause(provider, chain, left);
    const step = stepAfter(chain, wait < left);
    if (step.kind === 'end') {
      await this.send.failed(send, facts, provider, outcome.kind, step.reason);
      return null;
    }
    const tookLong = now.getTime() - send.claimed_at.getTime() >= LONG;
    const unreached = outcome.kind === 'try_later' && named === null;
    const other =
      step.kind === 'call' ? step.provider : unreached && !step.pinned ? this.#other(chain, tookLong) : null;
    const next = other === null ? { wait, provider } : { wait: pauseBefore(other, chain, left), provider: other };
    await this.send.retry(send, outcome.kind, tooLate ? TOO_LATE : outcome.reason, next);
    return next.wait;
  }

  #other(chain: Chain, tookLong: boolean): string | null {
    return handedTo(chain, (name) => this.lanes.isAvoided(name), tookLong);
  }
}

/** Milliseconds after which the provider wants to be asked again; null where it names no time. */
function namedPause(outcome: Unaccepted): number | null {
  if (outcome.kind !== 'try_later' || outcome.retryAfter === null) return null;
  return Math.max(FIRST_PAUSE, outcome.retryAfter);
}

/** Milliseconds until the same provider is asked again. Where nobody else can be, the last pause ends while there is time for a try. */
function ownPause(provider: string, chain: Chain, left: number): number {
  const pause = drawn(provider, chain);
  const isAlone = stepAfter(chain, false).kind === 'end';
  return isAlone && left >= FIRST_PAUSE ? Math.min(pause, left - LAST_LOOK) : pause;
}

/** Milliseconds until another one is asked: none, or a pause where it was asked before. */
function pauseBefore(provider: string, chain: Chain, left: number): number {
  return wasCalled(provider, chain.tries) ? Math.max(0, Math.min(drawn(provider, chain), left - LAST_LOOK)) : 0;
}

function drawn(provider: string, { tries }: Chain): number {
  return pauseAfter(tries.filter((before) => before.provider === provider).length);
}
