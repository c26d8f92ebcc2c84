import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { CONFIG, type Config, type NamedKey } from '../config.js';
import { LimitsModule } from '../limits/limits.module.js';
import { OutboxModule } from '../outbox/outbox.module.js';
import { AgreementController } from './agreement.controller.js';
import { AgreementRepository } from './agreement.repository.js';
import { CancelAgreementHandler } from './cancel-agreement.js';
import { MailDomains } from './check-mail-domain.js';
import { ConfirmAgreementHandler } from './confirm-agreement.js';
import { CodeKeys } from './confirmation-code.js';
import { ContactKeys } from './contact-keys.js';
import { CreateAgreementHandler } from './create-agreement.js';
import { ExpireAgreementsHandler } from './expire-agreements.js';
import { ExpireIdempotencyKeysHandler } from './expire-idempotency-keys.js';
import { GetAgreementHandler } from './get-agreement.js';
import { IssueCodeHandler } from './issue-code.js';
import { KeptAnswers } from './kept-answers.repository.js';
import { RequestKeys } from './keyed-request.js';
import { ListAgreementsHandler } from './list-agreements.js';
import { NewAgreements } from './new-agreements.repository.js';
import { RequestResendHandler } from './request-resend.js';
import { StoredAgreements } from './stored-agreements.repository.js';
import { WithdrawAgreementHandler } from './withdraw-agreement.js';

const revealed = (keys: readonly NamedKey[]) => keys.map(({ id, secret }) => ({ id, secret: secret.reveal() }));

/** The agreement with its use cases; without `withApi` for a process that serves no routes. */
@Module({
  imports: [CqrsModule, LimitsModule, OutboxModule],
  providers: [
    AgreementRepository,
    NewAgreements,
    StoredAgreements,
    KeptAnswers,
    MailDomains,
    {
      provide: CodeKeys,
      inject: [CONFIG],
      useFactory: ({ otpKeys, otp }: Config) => new CodeKeys(revealed(otpKeys), otp.length),
    },
    {
      provide: ContactKeys,
      inject: [CONFIG],
      useFactory: ({ contactKeys }: Config) => new ContactKeys(revealed(contactKeys)),
    },
    {
      provide: RequestKeys,
      inject: [CONFIG],
      useFactory: ({ contactKeys }: Config) => new RequestKeys(revealed(contactKeys)),
    },
    CreateAgreementHandler,
    ConfirmAgreementHandler,
    RequestResendHandler,
    CancelAgreementHandler,
    WithdrawAgreementHandler,
    IssueCodeHandler,
    ExpireAgreementsHandler,
    ExpireIdempotencyKeysHandler,
    GetAgreementHandler,
    ListAgreementsHandler,
  ],
})
export class AgreementModule {
  /** With the routes of `/v1`. */
  static withApi(): DynamicModule {
    return { module: AgreementModule, controllers: [AgreementController] };
  }
}
