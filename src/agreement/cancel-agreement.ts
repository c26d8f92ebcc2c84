import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { MustBeHandled } from '../must-be-handled.js';
import { AgreementRepository } from './agreement.repository.js';
import { type AgreementView, viewOf } from './agreement.view.js';
import type { Replayed } from './kept-answers.repository.js';
import type { KeyedRequest } from './keyed-request.js';

/** Gives up a pending agreement. */
@MustBeHandled
export class CancelAgreement extends Command<AgreementView | Replayed> {
  constructor(
    readonly client: string,
    readonly reference: string,
    readonly reason: string | null,
    readonly traceparent: string | null,
    readonly keyed: KeyedRequest | null = null,
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
  async execute(command: CancelAgreement): Promise<AgreementView | Replayed> {
    return this.agreements.answer(command, ({ agreement, delivery, now }) => {
      agreement.cancel(command.reason, now);
      return viewOf(agreement, delivery, this.config.otp, now);
    });
  }
}
