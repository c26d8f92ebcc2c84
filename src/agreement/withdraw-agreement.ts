import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { MustBeHandled } from '../must-be-handled.js';
import { AgreementRepository } from './agreement.repository.js';
import { type AgreementView, viewOf } from './agreement.view.js';
import type { Replayed } from './kept-answers.repository.js';
import type { KeyedRequest } from './keyed-request.js';

/** Takes a confirmed agreement back; needs neither a code nor a contact. */
@MustBeHandled
export class WithdrawAgreement extends Command<AgreementView | Replayed> {
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

@CommandHandler(WithdrawAgreement)
export class WithdrawAgreementHandler implements ICommandHandler<WithdrawAgreement> {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly agreements: AgreementRepository,
  ) {}

  /** @throws AgreementError agreement_not_found, not_confirmed */
  async execute(command: WithdrawAgreement): Promise<AgreementView | Replayed> {
    return this.agreements.answer(command, ({ agreement, delivery, now }) => {
      agreement.withdraw(command.reason, now);
      return viewOf(agreement, delivery, this.config.otp, now);
    });
  }
}
