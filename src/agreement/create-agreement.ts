import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { v7 as uuidv7 } from 'uuid';
import { CONFIG, type Config } from '../config.js';
import { DatabaseClock } from '../database/index.js';
import { SendLimits } from '../limits/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import type { Secret } from '../secret.js';
import { Agreement } from './agreement.js';
import { AgreementRepository, type Counted } from './agreement.repository.js';
import type { AgreementFacts } from './agreement.state.js';
import { viewOf } from './agreement.view.js';
import { ContactKeys } from './contact-keys.js';
import type { KeyedRequest } from './keyed-request.js';
import { parsePhoneNumber } from './phone-number.js';

/** What a caller asks for; `phone` as it was typed. */
export type AgreementRequest = Pick<AgreementFacts, 'idHash' | 'document' | 'locale' | 'metadata' | 'subject'> & {
  readonly phone: Secret<string>;
};

/** Who asks: the client by its key, from an IP address. */
export interface Caller {
  readonly client: string;
  readonly ip: string;
}

/** Asks a person, by a code to their phone, for their agreement to a document. */
@MustBeHandled
export class CreateAgreement extends Command<Counted> {
  constructor(
    readonly caller: Caller,
    readonly request: AgreementRequest,
    readonly traceparent: string | null,
    readonly keyed: KeyedRequest | null = null,
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
    private readonly limits: SendLimits,
    private readonly clock: DatabaseClock,
  ) {}

  /** @throws AgreementError phone_not_allowed @throws LimitError */
  async execute({ caller, request, traceparent, keyed }: CreateAgreement): Promise<Counted> {
    const { phone, ...rest } = request;
    const number = parsePhoneNumber(phone.reveal(), this.config.phone);
    const { keyId: hashKeyId, hash } = this.contactKeys.hash(number.e164.reveal());
    const contact = { channel: 'sms', address: number.e164, hash, hashKeyId, country: number.country } as const;
    const { client } = caller;
    const now = await this.clock.now();
    const facts = { ...rest, reference: uuidv7({ msecs: now.getTime() }), client, contact, test: false };
    const agreement = Agreement.create(facts, this.config.otp, now);
    const view = viewOf(agreement, { state: 'queued', reason: null }, this.config.otp, now);
    const entry = this.limits.entry(client, number.e164.reveal(), number.country, request.subject.ip ?? caller.ip);
    return this.agreements.add(agreement, view, entry, traceparent, keyed);
  }
}
