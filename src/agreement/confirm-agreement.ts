import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { MustBeHandled } from '../must-be-handled.js';
import { AgreementError } from './agreement.errors.js';
import { AgreementRepository } from './agreement.repository.js';
import { type AgreementView, viewOf } from './agreement.view.js';
import { CodeKeys } from './confirmation-code.js';

/** One guess at the code. */
@MustBeHandled
export class ConfirmAgreement extends Command<AgreementView> {
  constructor(
    readonly client: string,
    readonly reference: string,
    readonly guess: string,
    readonly traceparent: string | null,
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
  async execute({ client, reference, guess, traceparent }: ConfirmAgreement): Promise<AgreementView> {
    const { otp } = this.config;
    const { loaded, result } = await this.agreements.change(reference, client, traceparent, ({ agreement, now }) =>
      agreement.confirm(guess, this.keys, otp, now),
    );
    if (!result.right) {
      throw new AgreementError({ code: 'code_invalid', attemptsLeft: result.attemptsLeft, status: result.status });
    }
    return viewOf(loaded.agreement, loaded.delivery, otp, loaded.now);
  }
}
