import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { MustBeHandled } from '../must-be-handled.js';
import type { Secret } from '../secret.js';
import { AgreementError } from './agreement.errors.js';
import { AgreementRepository } from './agreement.repository.js';
import { type AgreementView, viewOf } from './agreement.view.js';
import { CodeKeys } from './confirmation-code.js';
import type { Replayed } from './kept-answers.repository.js';
import type { KeyedRequest } from './keyed-request.js';

/** One guess at the code. */
@MustBeHandled
export class ConfirmAgreement extends Command<AgreementView | Replayed> {
  constructor(
    readonly client: string,
    readonly reference: string,
    readonly guess: Secret<string>,
    readonly traceparent: string | null,
    readonly keyed: KeyedRequest | null = null,
  ) {
    super();
  }
}

@CommandHandler(ConfirmAgreement)
export class ConfirmAgreementHandler implements ICommandHandler<ConfirmAgreement> {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly agreements: AgreementRepository,
    private readonly keys: CodeKeys,
  ) {}

  /**
   * @throws AgreementError agreement_not_found, agreement_closed, already_confirmed, code_not_sent_yet, code_expired,
   * attempts_exhausted; and code_invalid, once the failed attempt is committed
   * @throws UnknownCodeKey
   */
  async execute(command: ConfirmAgreement): Promise<AgreementView | Replayed> {
    const { otp, testPhones } = this.config;
    return this.agreements.answer(command, ({ agreement, delivery, now }) => {
      const outcome = agreement.confirm(command.guess, this.keys, otp, now, testPhones);
      if (outcome.right) return viewOf(agreement, delivery, otp, now);
      const { attemptsLeft, status } = outcome;
      return new AgreementError({ code: 'code_invalid', attemptsLeft, status });
    });
  }
}
