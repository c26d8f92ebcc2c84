import { Inject } from '@nestjs/common';
import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { MustBeHandled } from '../must-be-handled.js';
import { AgreementRepository } from './agreement.repository.js';
import { type AgreementView, viewOf } from './agreement.view.js';

/** One agreement of a client. */
@MustBeHandled
export class GetAgreement extends Query<AgreementView> {
  constructor(
    readonly client: string,
    readonly reference: string,
  ) {
    super();
  }
}

@QueryHandler(GetAgreement)
export class GetAgreementHandler implements IQueryHandler<GetAgreement> {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly agreements: AgreementRepository,
  ) {}

  /** @throws AgreementError agreement_not_found */
  async execute({ client, reference }: GetAgreement): Promise<AgreementView> {
    const { agreement, delivery, now } = await this.agreements.load(reference, client);
    return viewOf(agreement, delivery, this.config.otp, now);
  }
}
