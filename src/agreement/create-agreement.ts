import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { v7 as uuidv7 } from 'uuid';
import { CONFIG, type Config } from '../config.js';
import { DatabaseClock } from '../database/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import { Agreement } from './agreement.js';
import { AgreementRepository } from './agreement.repository.js';
import type { AgreementFacts } from './agreement.state.js';
import { type AgreementView, viewOf } from './agreement.view.js';
import { ContactKeys } from './contact-keys.js';
import { parsePhoneNumber } from './phone-number.js';

/** What a caller asks for; `phone` as it was typed. */
export type AgreementRequest = Pick<AgreementFacts, 'idHash' | 'document' | 'locale' | 'metadata' | 'subject'> & {
  readonly phone: string;
};

/** Asks a person, by a code to their phone, for their agreement to a document. */
@MustBeHandled
export class CreateAgreement extends Command<AgreementView> {
  constructor(
    readonly client: string,
    readonly request: AgreementRequest,
    readonly traceparent: string | null,
  ) {
    super();
  }
}

@CommandHandler(CreateAgreement)
export class CreateAgreementHandler implements ICommandHandler<CreateAgreement> {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly agreements: AgreementRepository,
    private readonly contactKeys: ContactKeys,
    private readonly clock: DatabaseClock,
  ) {}

  /** @throws AgreementError phone_not_allowed */
  async execute({ client, request, traceparent }: CreateAgreement): Promise<AgreementView> {
    const { phone, ...rest } = request;
    const number = parsePhoneNumber(phone, this.config.phone);
    const { keyId: hashKeyId, hash } = this.contactKeys.hash(number.e164);
    const contact = { channel: 'sms', address: number.e164, hash, hashKeyId, country: number.country } as const;
    const now = await this.clock.now();
    const reference = uuidv7({ msecs: now.getTime() });
    const agreement = Agreement.create({ ...rest, reference, client, contact, test: false }, this.config.otp, now);
    await this.agreements.add(agreement, traceparent);
    return viewOf(agreement, { state: 'queued', reason: null }, this.config.otp, now);
  }
}
