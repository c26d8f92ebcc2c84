import { randomBytes } from 'node:crypto';
import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { MustBeHandled } from '../must-be-handled.js';
import { AgreementRepository } from './agreement.repository.js';
import type { AgreementFacts, Issue } from './agreement.state.js';
import { CodeKeys } from './confirmation-code.js';

/** Whether the generation may go out now, its code if so, and whom it concerns. */
export interface IssuedTo {
  readonly issue: Issue;
  readonly facts: AgreementFacts;
  /** When the newest code was asked for: this one, where it may go out. */
  readonly requestedAt: Date;
}

/** Makes the code of one generation, or gives it again: the same digits at every call. */
@MustBeHandled
export class IssueCode extends Command<IssuedTo> {
  constructor(
    readonly reference: string,
    readonly generation: number,
    readonly traceparent: string | null,
    /** Whether a limit of sending stands against it: then no code is made. */
    readonly limited: boolean,
  ) {
    super();
  }
}

@CommandHandler(IssueCode)
export class IssueCodeHandler implements ICommandHandler<IssueCode> {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly agreements: AgreementRepository,
    private readonly keys: CodeKeys,
  ) {}

  /** @throws AgreementError agreement_not_found @throws UnknownCodeKey */
  async execute({ reference, generation, traceparent, limited }: IssueCode): Promise<IssuedTo> {
    if (limited) return this.#withheld(reference);
    const nonce = randomBytes(16);
    const { otp, testPhones } = this.config;
    const { loaded, result } = await this.agreements.change(reference, null, traceparent, ({ agreement, now }) =>
      agreement.issueCode(generation, nonce, this.keys, otp, now, testPhones),
    );
    const { facts, progress } = loaded.agreement;
    return { issue: result, facts, requestedAt: progress.requestedAt };
  }

  async #withheld(reference: string): Promise<IssuedTo> {
    const { agreement, now } = await this.agreements.load(reference, null);
    const reason = agreement.stateAt(now).status === 'pending' ? 'limit' : 'closed';
    return { issue: { kind: 'obsolete', reason }, facts: agreement.facts, requestedAt: agreement.progress.requestedAt };
  }
}
