import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { MustBeHandled } from '../must-be-handled.js';
import { AgreementRepository } from './agreement.repository.js';
import { type AgreementView, viewOf } from './agreement.view.js';

/** Gives up a pending agreement. */
@MustBeHandled
export class CancelAgreement extends Command<AgreementView> {
  constructor(
    readonly client: string,
    readonly reference: string,
    readonly reason: string | null,
    readonly traceparent: string | null,
  ) {
    super();
  }
}

@CommandHandler(CancelAgreement)
export class CancelAgreementHandler implements ICommandHandler<CancelAgreement> {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly agreements: AgreementRepository,
  ) {}

  /** @throws AgreementError agreement_not_found, agreement_closed, already_confirmed */
  async execute({ client, reference, reason, traceparent }: CancelAgreement): Promise<AgreementView> {
    const { loaded } = await this.agreements.change(reference, client, traceparent, ({ agreement, now }) =>
      agreement.cancel(reason, now),
    );
    return viewOf(loaded.agreement, loaded.delivery, this.config.otp, loaded.now);
  }
}
