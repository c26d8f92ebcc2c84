import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { MustBeHandled } from '../must-be-handled.js';
import { AgreementRepository } from './agreement.repository.js';
import { type AgreementView, viewOf } from './agreement.view.js';

/** Asks for a further code. */
@MustBeHandled
export class RequestResend extends Command<AgreementView> {
  constructor(
    readonly client: string,
    readonly reference: string,
    readonly traceparent: string | null,
  ) {
    super();
  }
}

@CommandHandler(RequestResend)
export class RequestResendHandler implements ICommandHandler<RequestResend> {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly agreements: AgreementRepository,
  ) {}

  /** @throws AgreementError agreement_not_found, agreement_closed, already_confirmed, resend_too_soon, send_limit_reached */
  async execute({ client, reference, traceparent }: RequestResend): Promise<AgreementView> {
    const { otp } = this.config;
    const { loaded, result: requested } = await this.agreements.change(
      reference,
      client,
      traceparent,
      ({ agreement, delivery, now }) => agreement.requestCode(delivery.state === 'queued', otp, now),
    );
    const delivery = requested ? ({ state: 'queued', reason: null } as const) : loaded.delivery;
    return viewOf(loaded.agreement, delivery, otp, loaded.now);
  }
}
