import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { type Quota, SendLimits } from '../limits/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import { AgreementRepository, type Counted } from './agreement.repository.js';
import { viewOf } from './agreement.view.js';
import type { Caller } from './create-agreement.js';
import type { KeyedRequest } from './keyed-request.js';

/** Asks for a further code. */
@MustBeHandled
export class RequestResend extends Command<Counted> {
  constructor(
    readonly caller: Caller,
    readonly reference: string,
    readonly traceparent: string | null,
    readonly keyed: KeyedRequest | null = null,
  ) {
    super();
  }
}

@CommandHandler(RequestResend)
export class RequestResendHandler implements ICommandHandler<RequestResend> {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly agreements: AgreementRepository,
    private readonly limits: SendLimits,
  ) {}

  /**
   * @throws AgreementError agreement_not_found, agreement_closed, already_confirmed, resend_too_soon, send_limit_reached
   * @throws LimitError, only where a further code would have been made
   */
  async execute({ caller, reference, traceparent, keyed }: RequestResend): Promise<Counted> {
    const { otp } = this.config;
    const { client } = caller;
    const { contact, subject, test } = (await this.agreements.load(reference, client)).agreement.facts;
    const ip = subject.ip ?? caller.ip;
    const entry = test
      ? this.limits.uncounted(client)
      : this.limits.entry(client, contact.address?.reveal() ?? '', contact.country, ip);
    const judgement = await this.limits.judge(entry);
    let quotas: readonly Quota[] = [];
    const answer = await this.agreements.answer({ client, reference, traceparent, keyed, entry }, (loaded) => {
      const { agreement, delivery, now } = loaded;
      const requested = agreement.requestCode(delivery.state === 'queued', otp, now);
      if (requested) {
        this.limits.enforce(judgement);
        quotas = test ? [] : this.limits.quotas(judgement);
      }
      return viewOf(agreement, requested ? { state: 'queued', reason: null } : delivery, otp, now);
    });
    return { answer, quotas };
  }
}
