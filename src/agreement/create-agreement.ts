import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { DatabaseClock } from '../database/index.js';
import { ClientLimit, SendLimits } from '../limits/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import type { Secret } from '../secret.js';
import { uuidv7 } from '../uuid.js';
import { Agreement } from './agreement.js';
import { type Admit, AgreementRepository, type Counted } from './agreement.repository.js';
import type { AgreementFacts, Channel, Contact } from './agreement.state.js';
import { viewOf } from './agreement.view.js';
import { MailDomains } from './check-mail-domain.js';
import { ContactKeys } from './contact-keys.js';
import { parseEmailAddress } from './email-address.js';
import type { KeyedRequest } from './keyed-request.js';
import { parsePhoneNumber } from './phone-number.js';

/** What a caller asks for; the contact as it was typed. */
export type AgreementRequest = Pick<AgreementFacts, 'idHash' | 'document' | 'locale' | 'metadata' | 'subject'> & {
  readonly contact: { readonly channel: Channel; readonly typed: Secret<string> };
};

/** Where the code goes. */
type Reached = Contact & { readonly address: Secret<string> };

/** Who asks: the client by its key, from an IP address. */
export interface Caller {
  readonly client: string;
  readonly ip: string;
}

/** Asks a person, by a code to their phone or mailbox, for their agreement to a document. */
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
    private readonly domains: MailDomains,
    private readonly clients: ClientLimit,
    private readonly limits: SendLimits,
    private readonly clock: DatabaseClock,
  ) {}

  /** @throws AgreementError phone_not_allowed, email_not_allowed @throws LimitError */
  async execute({ caller, request, traceparent, keyed }: CreateAgreement): Promise<Counted> {
    const { contact: typed, ...rest } = request;
    const contact = this.#contactOf(typed);
    const { client } = caller;
    const test = this.config.testPhones.has(contact.address.reveal());
    const now = await this.clock.now();
    const facts = { ...rest, reference: uuidv7(now.getTime()), client, contact, test };
    const agreement = Agreement.create(facts, this.config.otp, now);
    const view = viewOf(agreement, { state: 'queued', reason: null }, this.config.otp, now);
    const ip = request.subject.ip ?? caller.ip;
    const entry = test
      ? this.limits.uncounted(client)
      : this.limits.entry(client, contact.address.reveal(), contact.country, ip);
    const admit = this.#admission(client, contact, test);
    const { answer, quotas } = await this.agreements.add(agreement, view, entry, traceparent, keyed, admit);
    return { answer, quotas: test ? [] : quotas };
  }

  /** @throws AgreementError phone_not_allowed, email_not_allowed */
  #contactOf({ channel, typed }: AgreementRequest['contact']): Reached {
    if (channel === 'email') {
      return this.#hashed({ channel, address: parseEmailAddress(typed.reveal(), this.config.email), country: null });
    }
    const { e164, country } = parsePhoneNumber(typed.reveal(), this.config.phone, this.config.testPhones);
    return this.#hashed({ channel, address: e164, country });
  }

  #hashed(contact: Pick<Reached, 'channel' | 'address' | 'country'>): Reached {
    const { keyId: hashKeyId, hash } = this.contactKeys.hash(contact.address.reveal());
    return { ...contact, hash, hashKeyId };
  }

  /** What a request has to come past that the limits of sending do not know of; null where there is nothing. */
  #admission(client: string, { channel, address }: Reached, test: boolean): Admit | null {
    if (test || (channel === 'sms' && !this.clients.limited)) return null;
    const giveBack = (): Promise<void> => this.clients.giveBack(client);
    return async () => {
      const quotas = await this.clients.consume(client);
      // After the client's limit: whoever is over it costs no look into DNS.
      if (channel === 'email') await this.domains.mustTakeMail(address);
      return { quotas, giveBack };
    };
  }
}
